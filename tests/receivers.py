"""Receivers of webhooks for tests: real servers on the loopback that answer as they are told."""

import socketserver
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CERTIFICATE = Path(__file__).parent / "adapters" / "hooks.example.org.pem"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Received:
    """A request as it came in. headers: by lower-case name."""

    line: str
    headers: dict[str, str]
    body: bytes


class Receiver(socketserver.ThreadingTCPServer):
    """Keeps every request and answers it; closes after each. `url` is where it listens.

    answer: the bytes to send, or a function that is given the connection and does what it likes with it.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: bytes | Callable = OK, *, tls: bool = False):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.answer = answer
        self.requests: list[Received] = []
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(CERTIFICATE)

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://localhost:{self.port}/hooks?of=practice"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing: a caller that hangs up or mistrusts the certificate is what tests are about."""


class Exchange(socketserver.BaseRequestHandler):
    def setup(self):
        if self.server.context:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)

    def handle(self):
        with self.request.makefile("rb") as incoming:
            line = incoming.readline().decode().strip()
            headers = {}
            while header := incoming.readline().decode().strip():
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = incoming.read(int(headers.get("content-length", 0)))
        self.server.requests.append(Received(line, headers, body))
        if callable(self.server.answer):
            self.server.answer(self.request)
        else:
            self.request.sendall(self.server.answer)

    def finish(self):
        self.request.close()


def hang(connection):
    """Say nothing more until the caller hangs up."""
    while connection.recv(4096):
        pass
