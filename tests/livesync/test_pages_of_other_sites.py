"""What the page of another site can do to the web UI in a real browser: link to it, and nothing else."""

import json
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, Response, expect
from support.service import Service
from support.swarm import Swarm
from support.waiting import wait_until

REQUESTS = {
    "fetch": "fetch(at('/swarm'), {method: 'POST', body: START})",
    "fetch whose answer cannot be read": "fetch(at('/swarm'), UNREAD)",
    "fetch with credentials": "fetch(at('/swarm'), {...UNREAD, credentials: 'include'})",
    "fetch that outlives its page": "fetch(at('/swarm'), {...UNREAD, keepalive: true})",
    "fetch without a referrer": "fetch(at('/swarm'), {...UNREAD, referrerPolicy: 'no-referrer'})",
    "fetch of plain text": "fetch(at('/user'), {...UNREAD, body: USER})",
    "fetch of JSON": "fetch(at('/user'), {method: 'POST', headers: {'Content-Type': 'application/json'}, body: USER})",
    "fetch of statistics": "fetch(at('/stats/requests'))",
    "fetch of logs": "fetch(at('/logs'), {mode: 'no-cors'})",
    "XMLHttpRequest": "const x = new XMLHttpRequest(); x.open('POST', at('/stop')); x.send()",
    "form": "submit(at('/swarm'), {user_count: 5, spawn_rate: 5})",
    "form of plain text": "submit(at('/user'), {[USER]: ''}, 'text/plain')",
    "form with several parts": "submit(at('/swarm'), {user_count: 5, spawn_rate: 5}, 'multipart/form-data')",
    "frame with a data URL": "add('iframe', {src: 'data:text/html,' + script(stop())})",
    "frame": "add('iframe', {src: at('/')})",
    "object": "add('object', {data: at('/')})",
    "embedded page": "add('embed', {src: at('/')})",
    "image": "add('img', {src: at('/stats/report')})",
    "script": "add('script', {src: at('/tasks')})",
    "module": "add('script', {type: 'module', src: at('/tasks')})",
    "style sheet": "add('link', {rel: 'stylesheet', href: at('/logs')})",
    "video": "add('video', {src: at('/exceptions')})",
    "font": "new FontFace('x', `url(${at('/logs')})`).load().catch(() => 0)",
    "prefetched link": "add('link', {rel: 'prefetch', href: at('/stats/report')})",
    "server-sent events": "new EventSource(at('/logs'))",
    "worker": "new Worker(URL.createObjectURL(new Blob([stop()])))",
}
"""JavaScript by the kind of request that it makes. at() is an address of the web UI."""

HELPERS = """
const START = new URLSearchParams('user_count=5&spawn_rate=5')
const UNREAD = {method: 'POST', mode: 'no-cors', body: START}
const USER = JSON.stringify({user_class_name: 'Visitor', proxy_host: 'proxy.example'})
const script = text => encodeURIComponent(`<script>${text}</script>`)
const add = (name, attributes) => {
    const element = document.createElement(name)
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
    return document.body.appendChild(element)
}
const submit = (action, fields, enctype = 'application/x-www-form-urlencoded') => {
    const form = add('form', {method: 'post', action, enctype, target: add('iframe', {name: Math.random()}).name})
    for (const [name, value] of Object.entries(fields)) form.append(Object.assign(add('input', {name}), {value}))
    form.submit()
}
"""

SCRIPT = """{
    const at = path => `%(ui)s${path}?kind=${encodeURIComponent(%(kind)s)}`
    const stop = () => `fetch('${at('/stop')}', {method: 'POST', mode: 'no-cors'})`
    %(script)s
}
"""


@pytest.fixture
def site() -> Iterator[int]:
    """The port of another site on this machine."""
    site = Service()
    yield site.server_port
    site.close()


def kind_of(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("kind", [""])[0]


@pytest.mark.parametrize("host", ["evil.example", "localhost"])
def test_no_request_of_its_page_is_answered(page: Page, with_plugins: Swarm, site: int, host: str) -> None:
    outcomes: defaultdict[str, set[object]] = defaultdict(set)

    def note_answer(response: Response) -> None:
        outcomes[kind_of(response.url)].add(response.status)

    def note_failure(request: Request) -> None:
        outcomes[kind_of(request.url)].add("not readable")

    def all_ended() -> bool:
        page.wait_for_timeout(50)  # lets Playwright receive events
        return outcomes.keys() >= REQUESTS.keys()

    page.context.on("response", note_answer)
    page.context.on("requestfailed", note_failure)
    page.goto(f"http://{host}:{site}/")
    scripts = [
        SCRIPT % {"ui": with_plugins.address, "kind": json.dumps(kind), "script": script}
        for kind, script in REQUESTS.items()
    ]
    page.evaluate(f"() => {{ {HELPERS} {''.join(scripts)} }}")
    wait_until(all_ended, lambda: f"the end of {REQUESTS.keys() - outcomes.keys()}")
    for kind in REQUESTS:
        assert outcomes[kind] <= {403, "not readable"}, (kind, outcomes[kind])
    assert with_plugins.get("/stats/requests")["state"] == "ready"


def test_a_name_that_its_dns_server_points_here_is_not_answered(page: Page, with_plugins: Swarm) -> None:
    answer = page.goto(f"http://evil.example:{with_plugins.web}/")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_text("LOCUST_WEB_HOSTS")).to_be_visible()


def test_its_link_opens_the_web_ui(page: Page, with_plugins: Swarm, site: int) -> None:
    page.goto(f"http://evil.example:{site}/")
    page.evaluate("ui => { document.body.innerHTML = `<a href=${ui}>Locust</a>` }", with_plugins.address)
    page.get_by_role("link").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
