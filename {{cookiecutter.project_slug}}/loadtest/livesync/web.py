"""Web: shows the report at `GET /livesync`, in a tab of the web UI, and in Locust's HTML report."""

from locust.env import Environment
from locust.web import WebUI

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import cast

import gevent
from flask import Flask, Response, jsonify, request

from .messages import LONGEST_PATH
from .swarm_status import Report

KEY = "livesync"
COLUMNS = {"code": "Code", "revision": "Revision", "at": "Since", "what": "Change, or reason of the rejection"}


def serve(report: Report, environment: Environment, web_ui: WebUI) -> None:
    """Answer `GET /livesync` and `POST /livesync/differences` below the base path, and add the rows of the tab "Live sync".

    The second one takes the SHA-256 of files by path, and answers with the paths that `Report.differing_paths` gives.
    """
    base_path = (environment.parsed_options and environment.parsed_options.web_base_path) or ""

    def livesync() -> Response:
        return jsonify(
            revision=report.live.revision,
            workers={worker: report.workers.get(worker) for worker in report.connected()},
            refused=report.refused and report.refused.what,
            changes=[asdict(change) for change in report.changes],
        )

    def differences() -> Response:
        files = _json()
        if not isinstance(files, dict) or not all(_is_digest_of_file(*item) for item in files.items()):
            return Response("Send a JSON object with the SHA-256 of each file by its path.", status=400)
        # Hashing many megabytes would block Locust's event loop.
        return jsonify(gevent.get_hub().threadpool.apply(report.differing_paths, (files,)))

    def add_rows(response: Response) -> Response:
        if request.path == f"{base_path}/stats/requests" and response.is_json:
            content = response.get_json()
            others = content.get("extended_stats") or []
            response = jsonify({**content, "extended_stats": [*others, {"key": KEY, "data": _rows(report)}]})
        return response

    app = cast(Flask, web_ui.app)
    app.add_url_rule(f"{base_path}/livesync", view_func=web_ui.auth_required_if_enabled(livesync))
    compare = web_ui.auth_required_if_enabled(differences)
    app.add_url_rule(f"{base_path}/livesync/differences", view_func=compare, methods=["POST"])
    app.after_request(add_rows)


def add_tab(original: Callable[[WebUI], None], web_ui: WebUI) -> None:
    """Stands in for `WebUI.update_template_args`: add the tab to those that a locustfile has set."""
    original(web_ui)
    structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
    for name, addition in {
        "extended_tabs": {"title": "Live sync", "key": KEY},
        "extended_tables": {"key": KEY, "structure": structure},
    }.items():
        others = [item for item in web_ui.template_args.get(name) or () if item["key"] != KEY]
        web_ui.template_args[name] = [*others, addition]


def with_changes(report: Report, original: Callable[..., str], environment: Environment, **options: str | bool) -> str:
    """Stands in for Locust's `get_html_report`: add each change of the code, with its time, to the name of the script.

    Requests of old and new code share a row there if they have the same name.
    """
    script = environment.locustfile
    changes = [f"{change.revision} at {change.at}" for change in report.changes_of_run]
    environment.locustfile = ", changed to ".join([str(script), *changes])
    try:
        return original(environment, **options)
    finally:
        environment.locustfile = script


def _json() -> object:
    """The JSON of the request, or None if it ends early or is nested too deeply; Flask rejects other invalid JSON."""
    try:
        return request.get_json()
    except (OSError, RecursionError):
        return None


def _is_digest_of_file(path: str, digest: object) -> bool:
    """Whether a file may have this path: no system accepts a null character, and none half a surrogate pair."""
    try:
        return len(path) <= LONGEST_PATH and b"\0" not in os.fsencode(path) and isinstance(digest, str)
    except UnicodeEncodeError:
        return False


def _rows(report: Report) -> list[dict[str, str]]:
    """The live revision, the last rejection, each worker, and what was live before, newest first."""
    live, *earlier = reversed(report.changes)
    rows = [{"code": "live", **asdict(live)}]
    if report.refused:
        rows.append({"code": "rejected", **asdict(report.refused)})
    for worker in report.connected():
        revision = report.workers.get(worker, "unknown")
        rows.append({"code": worker, "revision": revision, "what": "" if revision == live.revision else "not live"})
    return rows + [{"code": "earlier", **asdict(change)} for change in earlier[:50]]
