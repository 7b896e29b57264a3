"""Webhooks on the wire: one POST to an address that others chose, so nothing about it is trusted.

The host is resolved once, every address it has must be public, and the connection is made to the very address
that was checked: a name that resolves differently a moment later changes nothing. No redirect is followed, no
proxy asked; everything, the name's resolution included, ends at a deadline.
"""

import functools
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from reservation.rules import webhooks
from reservation.rules.errors import Invalid
from reservation.rules.webhooks import Target

DEADLINE_S = 10.0
CONNECT_TIMEOUT_S = 4.0
MAX_ANSWER_BYTES = 64 * 1024


class Failure(StrEnum):
    """Why there was no whole answer."""

    BAD_URL = "BAD_URL"
    UNRESOLVED = "UNRESOLVED"
    PRIVATE_ADDRESS = "PRIVATE_ADDRESS"
    UNREACHABLE = "UNREACHABLE"
    UNTRUSTED = "UNTRUSTED"
    BROKEN = "BROKEN"
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. status: of the answer, if one began; failure: None after a whole answer."""

    status: int | None = None
    failure: Failure | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver said, in a whole answer, that it has the event (2xx)."""
        return self.failure is None and self.status is not None and 200 <= self.status < 300


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def send(*, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float = DEADLINE_S) -> Outcome:
    """Post the body once and return what became of it; a receiver's fault is an outcome, never an exception.

    deadline_s: for everything together. At most 64 KiB of the answer are read.
    """
    ends_at = time.monotonic() + deadline_s
    try:
        target = webhooks.parse_url(url)
        with _connect(target, _resolve(target, ends_at=ends_at), ends_at=ends_at) as connected:
            return _exchange(target, connected, body=body, headers=headers, ends_at=ends_at)
    except Invalid:
        return Outcome(failure=Failure.BAD_URL)
    except _Failed as failed:
        return Outcome(failure=failed.failure)


def _left(ends_at: float) -> float:
    """Return the seconds left, at least some: a timeout of zero would mean another thing to a socket."""
    return max(ends_at - time.monotonic(), 0.001)


def _resolve(target: Target, *, ends_at: float) -> list[str]:
    """Return the host's addresses, in the resolver's order, once all of them have been checked."""
    # The resolver knows no deadline; a thread of its own lets it be left behind.
    resolver = ThreadPoolExecutor(max_workers=1, thread_name_prefix="webhook-resolver")
    lookup = resolver.submit(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
    resolver.shutdown(wait=False)
    try:
        found = lookup.result(timeout=_left(ends_at))
    except TimeoutError:
        raise _Failed(Failure.TIMEOUT) from None
    except (OSError, UnicodeError):
        raise _Failed(Failure.UNRESOLVED) from None
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if not settings.WEBHOOK_PRIVATE_ADDRESSES and not all(map(webhooks.is_public_address, addresses)):
        raise _Failed(Failure.PRIVATE_ADDRESS)
    return addresses


def _connect(target: Target, addresses: list[str], *, ends_at: float) -> socket.socket:
    """Return a connection to the first of the addresses that answers."""
    for address in addresses:
        try:
            return socket.create_connection(
                (address, target.port), timeout=min(CONNECT_TIMEOUT_S, _left(ends_at))
            )
        except OSError:
            continue
    raise _Failed(Failure.UNREACHABLE)


def _exchange(
    target: Target, connected: socket.socket, *, body: bytes, headers: Mapping[str, str], ends_at: float
) -> Outcome:
    """Send the request over the connection and read the answer."""
    status: int | None = None
    failure: Failure | None = None
    with _cut_at(ends_at, connected) as was_cut:
        try:
            with _secure(target, connected) as secured:
                connection = http.client.HTTPConnection(target.host, target.port)
                connection.sock = secured
                connection.request(
                    "POST", target.path, body=body, headers={**headers, "Host": target.host_header}
                )
                with connection.getresponse() as response:
                    status = response.status
                    read = len(response.read(MAX_ANSWER_BYTES))
                    # What is missing of the announced length; http.client tells only by this.
                    if response.length and read < MAX_ANSWER_BYTES:
                        failure = Failure.BROKEN
        except ssl.SSLCertVerificationError:
            failure = Failure.UNTRUSTED
        except (OSError, http.client.HTTPException, ValueError):
            failure = Failure.BROKEN
    return Outcome(status, Failure.TIMEOUT if was_cut.is_set() else failure)


@contextmanager
def _cut_at(ends_at: float, connected: socket.socket) -> Iterator[threading.Event]:
    """Cut the connection when the time is over; the event says whether it was.

    A socket's own timeout is per read: a byte every few seconds would keep us for ever.
    """
    was_cut = threading.Event()
    # A duplicate, because TLS takes the socket's descriptor for itself.
    cord = connected.dup()

    def cut() -> None:
        was_cut.set()
        # The receiver may have hung up a moment ago.
        with suppress(OSError):
            cord.shutdown(socket.SHUT_RDWR)

    connected.settimeout(None)
    watchdog = threading.Timer(_left(ends_at), cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield was_cut
    finally:
        watchdog.cancel()
        watchdog.join()
        cord.close()


def _secure(target: Target, connected: socket.socket) -> socket.socket:
    """Return the connection as the URL's scheme has it; the certificate must be the host name's."""
    if target.scheme == "http":
        return connected
    return _trust().wrap_socket(connected, server_hostname=target.host)


@functools.cache
def _trust() -> ssl.SSLContext:
    """Return whom we trust: the system's certificates, or SSL_CERT_FILE's. Read once; it takes a while."""
    return ssl.create_default_context()
