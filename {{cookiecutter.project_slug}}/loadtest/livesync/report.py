"""Report: say what is live where, and what was refused, in the log and at `GET /livesync`."""

from locust.env import Environment
from locust.runners import MasterRunner
from locust.web import WebUI

import logging
from dataclasses import dataclass, field

from flask import Response, jsonify

from .live import Live

logger = logging.getLogger(__name__)


@dataclass
class Report:
    """What the master knows about the swarm's code."""

    live: Live
    runner: MasterRunner
    workers: dict[str, str] = field(default_factory=dict)
    """The revision that each worker says it runs."""
    refused: str | None = None
    """Why the last save is not live; None if it is."""

    def current_workers(self) -> list[str]:
        """The connected workers that run the live revision."""
        return [worker for worker in self.connected() if self.workers.get(worker) == self.live.revision]

    def connected(self) -> list[str]:
        """The workers that Locust counts."""
        clients = self.runner.clients
        return [client.id for client in clients.ready + clients.spawning + clients.running]

    def committed(self, seconds: float) -> None:
        """The live revision went live, `seconds` after it was saved."""
        self.refused = None
        current, connected = len(self.current_workers()), len(self.connected())
        logger.info("revision %s live on %d of %d workers in %.1f s", self.live.revision, current, connected, seconds)

    def refuse(self, reason: str) -> None:
        """A save cannot go live."""
        self.refused = reason
        logger.error("edit refused, revision %s stays live: %s", self.live.revision, reason)

    def reverted(self) -> None:
        """A save brought the files back to what is live."""
        if self.refused:
            logger.info("the files are back at revision %s, which is live", self.live.revision)
        self.refused = None

    def serve(self, environment: Environment, web_ui: WebUI) -> None:
        """Answer `GET /livesync` below the base path of the web UI."""
        base_path = environment.parsed_options.web_base_path if environment.parsed_options else ""

        def livesync() -> Response:
            workers = {worker: self.workers.get(worker) for worker in self.connected()}
            return jsonify(revision=self.live.revision, workers=workers, refused=self.refused)

        if web_ui.app:
            view = web_ui.auth_required_if_enabled(livesync)
            web_ui.app.add_url_rule(f"{base_path or ''}/livesync", view_func=view)
