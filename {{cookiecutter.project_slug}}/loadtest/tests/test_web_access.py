"""Who may use the web UI: its own pages, links to it and programs, but no page of another site."""

import json
import re
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from plugins.web_access import names_of, service_names
from support.locust_process import locust
from support.ports import free_port
from support.waiting import TIMEOUT

FORM = "user_count=1&spawn_rate=1"
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:PORT",
    "localhost.evil.example:PORT",
    "127.0.0.1.evil.example",
    "evil.example@localhost",
    "localhost:PORT@evil.example",
    "localhost:PORT,evil.example",
    "localhost:PORT evil.example",
    "localhost/evil.example",
    "localhost\\evil.example",
    "locust-master.evil",
    "locust-master.evil.example",
    "x.locust-master.load-lab.svc.cluster.local",
    "127.1",
    "0x7f000001",
    "2130706433",
    "[::1",
    "::1",
    "[localhost]",
    "localhost..",
    "localhost:",
    "",
]
"""Values of the header Host, such as those of a name whose DNS server points to this machine."""

FOREIGN_HEADERS = [
    {"Origin": "http://evil.example"},
    {"Origin": "https://evil.example:PORT"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "file://"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "http://localhost:PORT.evil.example"},
    {"Origin": "http://localhost:PORT@evil.example"},
    {"Origin": "http://evil.example#localhost:PORT"},
    {"Origin": "http://[localhost:PORT"},
    {"Origin": "chrome-extension://abcdef"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "unknown"},
    {"Sec-Fetch-Site": "cross-site", **LINK},  # a link makes no POST
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:PORT"},
]
"""Headers of pages of other sites."""


class Client:
    """Sends requests whose header Host is as given, to the web UI at this address."""

    def __init__(self, address: str) -> None:
        self.port = str(urlsplit(address).port)

    def request(self, method: str, path: str, host: str = "localhost:PORT", body: str = "", **headers: str) -> int:
        with closing(HTTPConnection("127.0.0.1", int(self.port), timeout=TIMEOUT)) as connection:
            connection.putrequest(method, path, skip_host=True)
            for name, value in {"Host": host, "Content-Length": str(len(body)), **headers}.items():
                connection.putheader(name, value.replace("PORT", self.port))
            connection.endheaders(body.encode())
            response = connection.getresponse()
            self.body, self.headers = response.read(), response.headers
            return response.status

    def swarm(self, **headers: str) -> int:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", "/swarm", body=FORM, **{**form, **headers})


@pytest.fixture
def client(web_ui: str) -> Client:
    return Client(web_ui)


def test_pages_of_other_sites_start_and_read_nothing(client: Client) -> None:
    for host in FOREIGN_HOSTS:
        assert client.request("POST", "/swarm", host, FORM) == 403, host
        assert client.request("GET", "/stats/requests", host) == 403, host
    for headers in FOREIGN_HEADERS:
        assert client.swarm(**headers) == 403, headers
        assert client.request("POST", "/user", body="{}", **headers) == 403, headers
        assert client.request("OPTIONS", "/swarm", **headers) == 403, headers
        assert client.request("POST", "/no-such-page", **headers) == 403, headers
    for headers in FOREIGN_HEADERS:
        if LINK.items() <= headers.items():
            continue
        assert client.request("GET", "/stats/requests", **headers) == 403, headers
    assert client.request("GET", "/stats/requests") == 200
    assert json.loads(client.body)["state"] == "ready"


def test_a_rejection_names_what_to_set(client: Client) -> None:
    client.request("GET", "/", "lab.example:PORT")
    assert "unknown host name 'lab.example'." in client.body.decode()
    assert client.body.endswith(b"If it is yours, add it to LOCUST_WEB_HOSTS.\n")
    client.swarm(Origin="https://lab.example")
    assert b"a page of https://lab.example. If that site is yours, add its host to LOCUST_WEB_HOSTS." in client.body


def test_no_page_of_another_site_can_read_or_frame_an_answer(client: Client) -> None:
    for path in ("/", "/stats/requests", "/no-such-page", "/assets/favicon-light.png"):
        client.request("GET", path)
        assert not [name for name in client.headers if name.lower().startswith("access-control-")]
        assert client.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_programs_own_pages_and_links_are_answered(client: Client) -> None:
    for host in (
        "localhost:PORT",
        "LOCALHOST:PORT",
        "localhost.",
        "localhost:30060",
        "127.0.0.1:PORT",
        "[::1]:PORT",
        "192.168.49.2:30060",
        "10.1.2.3",
        "locust-master:8089",
        "locust-web",
    ):
        assert client.request("GET", "/", host) == 200, host
    for link in ({"Sec-Fetch-Site": "cross-site", **LINK}, {"Sec-Fetch-Site": "none", **LINK}):
        assert client.request("GET", "/", **link) == 200, link
    for own in (
        {},
        {"Origin": "http://localhost:PORT", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1:PORT", "Origin": "http://127.0.0.1:PORT"},
        {"Host": "[::1]:PORT", "Origin": "http://[::1]:PORT"},
    ):
        assert client.swarm(**own) == 200, own
        assert json.loads(client.body)["success"], own


def test_a_proxy_may_have_a_name_of_its_own(start_web_ui: Callable[..., str]) -> None:
    client = Client(start_web_ui(LOCUST_WEB_HOSTS="lab.example, Other.Example"))
    for host in ("lab.example", "other.example:443", "localhost:PORT"):
        assert client.request("GET", "/", host) == 200, host
    assert client.swarm(Origin="https://lab.example") == 200
    assert client.swarm(Host="lab.example", Origin="https://lab.example:8443") == 200
    assert client.swarm(Origin="https://evil.lab.example") == 403
    assert client.swarm(Host="locust-master", Origin="https://evil.example") == 403


@pytest.mark.parametrize("entry", ["lab.example", "Lab.Example:8443", " lab.example. ", "[::1]:80,lab.example.:443,"])
def test_a_name_may_be_set_as_browsers_show_it(entry: str) -> None:
    assert "lab.example" in names_of(entry)
    assert names_of(entry) <= {"lab.example", "::1"}


@pytest.mark.parametrize(
    "entry", ["*.example", "https://lab.example", "lab.example/locust", "lab example", ":8089", "ü.de"]
)
def test_a_setting_that_is_no_name_ends_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(repr(entry))} is not a host: write it as lab.example, without"):
        names_of(f"lab.example, {entry}")


def test_the_start_says_which_name_is_wrong(example: Path) -> None:
    address = ["--web-host", "127.0.0.1", "--web-port", str(free_port())]
    with locust(*address, folder=example, LOCUST_WEB_HOSTS="https://lab.example") as process:
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "LOCUST_WEB_HOSTS: 'https://lab.example' is not a host" in output
    assert "Traceback" not in output


def test_a_page_on_another_port_of_the_name_is_of_another_site(start_web_ui: Callable[..., str]) -> None:
    client = Client(start_web_ui(LOCUST_WEB_HOSTS="node1.corp"))
    for host, origin in [
        ("node1.corp:30060", "http://node1.corp:30080"),
        ("node1.corp.:30060", "http://NODE1.corp:30080"),
        ("node1.corp:30060", "http://node1.corp.:30080"),
        ("node1.corp:30060", "http://node1.corp"),
        ("node1.corp:30060", "https://node1.corp"),
        ("node1.corp:30060", "http://node1.corp:99999"),
    ]:
        assert client.swarm(Host=host, Origin=origin) == 403, (host, origin)
    assert b"If a proxy passes on the header Host, it must pass on the name with its port." in client.body
    for host, origin in [
        ("node1.corp:30060", "http://node1.corp:30060"),
        ("node1.corp:443", "https://node1.corp"),
        ("node1.corp:80", "http://node1.corp"),
    ]:
        assert client.swarm(Host=host, Origin=origin) == 200, (host, origin)


def test_the_names_of_a_service_follow_from_the_search_domains_of_a_pod() -> None:
    names = service_names(["load-lab.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"])
    assert {"locust-master", "locust-web.load-lab", "locust-master.load-lab.svc.cluster.local"} < names
    assert "locust-web.load-lab.svc" in names
    assert len(names) == 8
    assert service_names(["lan"]) == {"locust-master", "locust-web"}
