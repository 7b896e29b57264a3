"""The command line of the local stack."""

import os
import signal
import sys
import time

from devops.stack import run, state, testing
from devops.stack.processes import StackError

STOP_TIMEOUT_S = 60


def main(arguments: list[str]) -> int:
    command, *rest = arguments or ["help"]
    try:
        if command == "run":
            return run.run()
        if command == "test":
            return testing.python(["-m", "pytest", *rest])
        if command == "python":
            return testing.python(rest)
        if command == "stop":
            return stop()
    except (StackError, OSError) as refusal:
        print(f"Frontdesk cannot {'stop' if command == 'stop' else 'run'}: {refusal}", file=sys.stderr)
        return 1
    print(
        "usage: python -m devops.stack run | test [pytest's arguments] | python [its arguments] | stop",
        file=sys.stderr,
    )
    return 2


def stop() -> int:
    """Stop the stack of this folder and wait until it is gone."""
    pid = state.running_pid()
    if pid is None:
        print("Frontdesk does not run in this folder.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while state.running_pid() is not None:
        if time.monotonic() > deadline:
            raise StackError(f"process {pid} does not stop: kill -9 {pid}")
        time.sleep(0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
