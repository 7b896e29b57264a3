"""The product as it is deployed: gunicorn in front of the test database."""

import os
import signal
import sys
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection

from devops.stack import processes, run
from devops.stack.processes import Server
from devops.stack.state import ROOT

WORKERS, THREADS = 2, 8


class Gunicorn(NamedTuple):
    url: str
    log: Path


@pytest.fixture(scope="session")
def gunicorn_server(django_db_setup, tmp_path_factory):
    """Run gunicorn on the test database for the whole session; give its address and its log."""
    port = processes.bindable(0)
    log = tmp_path_factory.mktemp("gunicorn") / "gunicorn.log"
    server = Server(
        name="gunicorn",
        command=[sys.executable, "-m", "gunicorn", "--config", str(ROOT / "devops" / "gunicorn.conf.py")],
        log=log,
        stop_signal=signal.SIGTERM,
        is_ready=lambda _pid: run.answers(port),
        environment={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings.test",
            "DATABASE_URL": database_url(connection.settings_dict),
            "PORT": str(port),
            "WEB_WORKERS": str(WORKERS),
            "WEB_THREADS": str(THREADS),
            "PYTHONPATH": str(ROOT),
        },
    )
    with processes.running(server):
        yield Gunicorn(f"http://127.0.0.1:{port}", log)


@pytest.fixture
def gunicorn_url(gunicorn_server, transactional_db):
    """Give the address of a gunicorn that sees what the test commits; the tables are emptied after it."""
    return gunicorn_server.url


@pytest.fixture
def demo_url(gunicorn_url):
    """Give the address of a gunicorn that has the demo practice, as `make run` has it."""
    call_command("load_demo", "--force", stdout=StringIO())
    return gunicorn_url


def database_url(database):
    account = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return f"postgresql://{account}@{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
