"""Reading what a server logs, which it may do after it has answered."""

import time

TIMEOUT_S = 10


def line_with(log, text):
    """Wait for the line of the log file that has this text, and return it."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines(keepends=True):
            if text in line and line.endswith("\n"):
                return line
        time.sleep(0.02)
    raise AssertionError(f"no line of {log.name} has {text}")
