"""gunicorn, the Celery worker and its scheduler under honcho; all stop when one does."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import honcho.manager
from honcho.printer import Printer
from honcho.process import Popen, Process

from devops.stack import processes

honcho.manager.KILL_WAIT = 10  # seconds that requests and tasks in flight may take to end


class Terminal:
    """The terminal, which may be closed: that must not keep the processes from being stopped."""

    def __init__(self) -> None:
        self._was_there = os.isatty(0)

    def is_closed(self) -> bool:
        """Say whether it was closed; a `make` that leads its session keeps the SIGHUP to itself."""
        return self._was_there and not os.isatty(0)

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stdout.flush()

    def isatty(self) -> bool:
        return sys.stdout.isatty()


class Program(Process):
    """A honcho process, run without a shell, that the kernel ends when honcho's side of it ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._end_with_supervisor = processes.end_with_parent(signal.SIGKILL)

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Run the program and relay its output; this is honcho's forked side."""
        self._end_with_supervisor()
        self._child_ctor = functools.partial(
            Popen,
            shell=False,
            stdin=subprocess.DEVNULL,
            preexec_fn=processes.end_with_parent(signal.SIGTERM),
        )
        super().run(*args, **kwargs)


class Supervisor(honcho.manager.Manager):
    """Run the programs until one of them, or one of the servers, stops, or a signal asks to."""

    def __init__(
        self, servers: Mapping[str, subprocess.Popen[bytes]], on_started: Callable[[], None]
    ) -> None:
        self._terminal = Terminal()
        super().__init__(Printer(self._terminal))
        self._process_ctor = Program
        self._servers = servers
        self._on_started = on_started
        self._asked_to_stop = False
        self._stopped_by = ""

    def run(self) -> str:
        """Return the name of what stopped by itself, or nothing when a signal asked to stop."""
        try:
            self.loop()
        finally:
            for child in multiprocessing.active_children():
                child.kill()
        return self._stopped_by

    def terminate(self) -> None:
        if not self._terminating and not self._asked_to_stop:
            self._stopped_by = self._ended()[0]
        self._terminal.write("Stopping ...\n")
        super().terminate()

    def _start(self) -> None:
        # honcho's own handlers look for process ids that are not known yet; a flag is read when they are.
        for number in processes.ENDING_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        super()._start()
        threading.Thread(target=self._on_started, daemon=True).start()

    def _ask_to_stop(self, *_signal: object) -> None:
        self._asked_to_stop = True

    def _any_stopped(self) -> bool:
        if processes.HANGUP_STOPS and self._terminal.is_closed():
            self._ask_to_stop()
        return self._asked_to_stop or bool(self._ended())

    def _ended(self) -> list[str]:
        programs = [
            name for name, program in self._processes.items() if program.get("returncode") is not None
        ]
        servers = [name for name, process in self._servers.items() if process.poll() is not None]
        return [*servers, *programs]

    def _all_started(self) -> bool:
        """Count a program whose relay was killed as started and stopped: it will never say so itself."""
        for program in self._processes.values():
            if not program["process"].is_alive():
                program.setdefault("pid", program["process"].pid)
                program.setdefault("returncode", program["process"].exitcode)
        return super()._all_started()

    def _system_print(self, data: str) -> None:
        """Say nothing of starts and signals: the lines that matter are the programs' own."""
