"""Child processes that never outlive the one that started them."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30
LOG_LINES_SHOWN = 12
PORTS_TRIED = 50
REFUSED = 3  # the exit status of a child that has said itself why the stack cannot run
PR_SET_PDEATHSIG = 1
# Loaded here, not in the child: between fork and exec a child can only call what is already there.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

# What asks us to stop; not SIGHUP when `nohup` has made it harmless.
HANGUP_STOPS = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if HANGUP_STOPS else []))


class StackError(Exception):
    """The stack cannot run; the message says what the person at the terminal has to change."""


@dataclass(frozen=True)
class Account:
    """A system account that a server runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Server:
    """A server program that is started by us and waited for."""

    name: str
    command: list[str]
    log: Path
    stop_signal: signal.Signals
    is_ready: Callable[[int], bool]
    stdin: str = ""
    account: Account | None = None
    environment: Mapping[str, str] | None = None


def end_with_parent(ending: signal.Signals) -> Callable[[], None]:
    """Return what a child calls before exec, so that the kernel sends it `ending` when this process dies.

    Linux only; elsewhere the next start stops what was left (`stop_stale`).
    """
    parent_pid = os.getpid()

    def arrange() -> None:
        follow_parent(ending)
        if os.getppid() != parent_pid:
            os.kill(os.getpid(), ending)

    return arrange


def follow_parent(ending: signal.Signals) -> None:
    """Have the kernel send this process `ending` when its parent dies."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, ending)


@contextmanager
def running(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server, wait until it is ready, and stop it in its own orderly way in the end."""
    process = start(server)
    try:
        wait_until_ready(server, process)
        yield process
    finally:
        stop(process, server.stop_signal)


def start(server: Server) -> subprocess.Popen[bytes]:
    account = server.account
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=server.environment,
            cwd="/",
            start_new_session=True,
            preexec_fn=end_with_parent(server.stop_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(server.stdin.encode())
        process.stdin.close()
    return process


def wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.is_ready(process.pid):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(
                f"{server.name} did not start. {server.log} ends with:\n{last_lines(server.log)}"
            )
        time.sleep(0.03)


def last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])


def stop(process: subprocess.Popen[bytes], ending: signal.Signals) -> None:
    process.send_signal(ending)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_stale(pid_file: Path, program: Path, ending: signal.Signals) -> None:
    """Stop the server that an earlier, killed supervisor may have left on our data; wait until it is gone."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if Path(process.exe()) != program.resolve():
            return
        process.send_signal(ending)
        process.wait(STOP_TIMEOUT_S)
    except psutil.TimeoutExpired:
        raise StackError(
            f"process {process.pid} of an earlier run does not stop: kill -9 {process.pid}"
        ) from None
    except (OSError, ValueError, IndexError, psutil.Error):
        return


def free_port(preferred: int, purpose: str) -> int:
    """Return the preferred port on 127.0.0.1, or else the next free one, and say so."""
    try:
        return bindable(preferred)
    except PermissionError:
        reason, following = "is for root alone", preferred + 8000
    except OSError:
        reason, following = "is taken", preferred + 1
    port = first_free(range(following, min(following + PORTS_TRIED, 2**16)))
    print(f"Port {preferred} {reason}: {purpose} uses {port}.", flush=True)
    return port


def first_free(ports: Iterable[int]) -> int:
    for port in ports:
        with suppress(OSError):
            return bindable(port)
    return bindable(0)


def bindable(port: int) -> int:
    """Return the port, or any for 0. Raises: OSError when it is taken, be it as `localhost` on ::1."""
    if port and is_taken_on_ipv6(port):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])


def is_taken_on_ipv6(port: int) -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("::1", port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False
