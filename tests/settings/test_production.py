"""Production's settings, in a process of their own: settings are loaded once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "settings.production",
    "SECRET_KEY": "a-key-for-this-test-alone-of-more-than-fifty-characters-0123456789",
    "ALLOWED_HOSTS": "frontdesk.example",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "CACHE_URL": "redis://127.0.0.1:1/0",
    "BROKER_URL": "redis://127.0.0.1:1/1",
    "EMAIL_URL": "smtp://127.0.0.1:1",
}
ASK = """
import django
django.setup()
from django.test import Client
answer = Client(raise_request_exception=False).get({path!r}, headers={headers!r})
print(answer.status_code, answer.get("Location", ""))
"""


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**ENVIRONMENT, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("path", "headers", "answer"),
    [
        # What the container's own health check sends.
        ("/healthz", {"Host": "localhost:8000"}, "200"),
        ("/healthz", {"Host": "elsewhere.example"}, "400"),
        ("/graphql/", {"Host": "frontdesk.example"}, "301 https://frontdesk.example/graphql/"),
        ("/graphiql/", {"Host": "frontdesk.example", "X-Forwarded-Proto": "https"}, "404"),
        ("/silk/", {"Host": "frontdesk.example", "X-Forwarded-Proto": "https"}, "404"),
    ],
)
def test_what_production_answers(path, headers, answer):
    asked = run(ASK.format(path=path, headers=headers))

    assert asked.stdout.strip() == answer, asked.stderr


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "CACHE_URL", "BROKER_URL", "EMAIL_URL"]
)
def test_a_missing_variable_stops_the_start_by_its_name(name):
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}

    started = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert started.returncode == 1
    assert name in started.stderr.splitlines()[-1]


def test_another_database_than_postgresql_stops_the_start():
    started = run("import django; django.setup()", DATABASE_URL="sqlite:///x")

    assert started.returncode == 1
    assert "DATABASE_URL must begin with postgresql://" in started.stderr
