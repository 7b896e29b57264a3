"""`make test`, `make bench`: Python on servers of its own, which go when it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from devops.stack import processes, servers, state


def python(arguments: Sequence[str]) -> int:
    """Run Python with these arguments and return its exit status; the servers stop after it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    with servers.throwaway(os.environ) as started:
        environment = {**os.environ, **started.addresses}
        ending = processes.end_with_parent(signal.SIGTERM)
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, cwd=state.ROOT, preexec_fn=ending
        )
        try:
            return wait(process)
        finally:
            process.terminate()
            process.wait()


def wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the process; a Ctrl-C reaches it directly, and it reports before it ends."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
