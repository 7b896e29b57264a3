"""`make test`: pytest on servers of its own, which go when it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from devops.stack import processes, servers, state


def test(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments and return its exit status; the servers stop after it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    with servers.throwaway(os.environ) as started:
        environment = {**os.environ, **started.addresses}
        ending = processes.end_with_parent(signal.SIGTERM)
        pytest = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments], env=environment, cwd=state.ROOT, preexec_fn=ending
        )
        try:
            return wait(pytest)
        finally:
            pytest.terminate()
            pytest.wait()


def wait(pytest: "subprocess.Popen[bytes]") -> int:
    """Wait for pytest; a Ctrl-C reaches it directly, and it reports before it ends."""
    while True:
        try:
            return pytest.wait()
        except KeyboardInterrupt:
            continue
