"""Debian's nginx with the file that compose uses, in front of a real gunicorn."""

import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from devops import programs
from devops.stack import processes
from devops.stack.processes import Server
from devops.stack.state import ROOT
from tests.e2e import logs

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

TYPENAME = json.dumps({"query": "{ __typename }"}).encode()
# What the template leaves to the nginx around it; root's nginx would otherwise read no file of root's.
MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@pytest.fixture(scope="module")
def start_nginx(tmp_path_factory):
    """Return a context manager that runs nginx in front of an address and gives its own."""

    def start(upstream):
        folder = tmp_path_factory.mktemp("nginx")
        (folder / "static").mkdir()
        (folder / "static" / "page.css").write_text("body {}")
        port = processes.bindable(0)
        names = {
            "FRONTDESK_LISTEN": f"127.0.0.1:{port}",
            "FRONTDESK_UPSTREAM": upstream,
            "FRONTDESK_STATIC": str(folder / "static"),
            "FRONTDESK_SCHEME": "http",
        }
        template = (ROOT / "nginx" / "frontdesk.conf.template").read_text()
        server = re.sub(r"\$\{(FRONTDESK_\w+)\}", lambda name: names[name[1]], template)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, server=server))
        nginx = Server(
            name="nginx",
            command=[programs.find("nginx"), "-c", str(folder / "nginx.conf"), "-e", "stderr"],
            log=folder / "nginx.log",
            stop_signal=signal.SIGTERM,
            is_ready=lambda _pid: listens(port),
        )
        return processes.running(nginx), f"http://127.0.0.1:{port}", folder / "nginx.log"

    return start


@pytest.fixture(scope="module")
def nginx_log(gunicorn_server, start_nginx):
    running, url, log = start_nginx(urlsplit(gunicorn_server.url).netloc)
    with running:
        yield url, log


@pytest.fixture
def nginx_url(nginx_log, gunicorn_url):
    return nginx_log[0]


def listens(port):
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def send(url, body=None, headers=None):
    """Return the status, the headers and the text of the answer."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read().decode()


def test_passes_a_request_on_to_gunicorn(nginx_url):
    status, headers, text = send(f"{nginx_url}/graphql/", TYPENAME)

    assert (status, json.loads(text)) == (200, {"data": {"__typename": "Query"}})
    assert headers["Server"] == "nginx"


def test_refuses_ten_megabytes_in_the_form_of_the_api(nginx_url):
    status, headers, text = send(f"{nginx_url}/graphql/", b" " * 10_000_000)

    assert status == 413
    assert headers.get_content_type() == "application/json"
    assert json.loads(text)["errors"][0]["extensions"] == {"code": "INVALID"}


def test_keeps_a_harmless_request_id(nginx_url):
    _, headers, _ = send(f"{nginx_url}/graphql/", TYPENAME, {"X-Request-Id": "from-the-caller.1"})

    assert headers.get_all("X-Request-Id") == ["from-the-caller.1"]


@pytest.mark.parametrize("sent", ["", "a b", 'x" injected="1', "x" * 65])
def test_replaces_a_missing_or_harmful_request_id(nginx_url, sent):
    _, headers, _ = send(f"{nginx_url}/graphql/", TYPENAME, {"X-Request-Id": sent})

    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-Id"])


def test_serves_the_static_files_itself(nginx_url):
    status, headers, text = send(f"{nginx_url}/static/page.css")

    assert (status, text, headers.get_content_type()) == (200, "body {}", "text/css")
    assert headers["Cache-Control"] == "max-age=3600"


def test_the_log_has_no_query_string(nginx_log, nginx_url):
    send(f"{nginx_url}/graphql/?query=%7B__typename%7D&name=Jane", headers={"X-Request-Id": "logged-one"})

    line = logs.line_with(nginx_log[1], "id=logged-one")
    assert "GET /graphql/" in line
    assert "Jane" not in line


def test_the_log_has_no_calendar_feeds_address(nginx_log, nginx_url):
    send(f"{nginx_url}/calendar/1-secret.ics", headers={"X-Request-Id": "logged-two"})

    line = logs.line_with(nginx_log[1], "id=logged-two")
    assert "GET /calendar/-" in line
    assert "secret" not in line


def test_says_in_the_form_of_the_api_that_gunicorn_is_away(start_nginx):
    running, url, _ = start_nginx(f"127.0.0.1:{processes.bindable(0)}")
    with running:
        status, _, text = send(f"{url}/graphql/", TYPENAME)

    assert status == 503
    assert json.loads(text)["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
