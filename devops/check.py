"""`make check`: every static check (or those named); all run, and the ones that fail are named at the end."""

import difflib
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SDL = ROOT / "api" / "schema.graphql"
# Addresses that nothing answers at: a static check needs settings that load, and no server.
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "settings.test",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "CACHE_URL": "redis://127.0.0.1:1/0",
    "BROKER_URL": "redis://127.0.0.1:1/1",
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "SECRET_KEY": secrets.token_urlsafe(60),
    "ALLOWED_HOSTS": "frontdesk.example",
    "CSRF_TRUSTED_ORIGINS": "https://frontdesk.example",
    "PIPENV_VERBOSITY": "-1",
}
NO_HISTORY = "ignore:Got an error checking a consistent migration history:RuntimeWarning"

CHECKS = {
    "lint": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "."],
    "types": ["-m", "mypy", "reservation", "api", "settings"],
    "imports": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    "migrations": ["-W", NO_HISTORY, "manage.py", "makemigrations", "--check", "--dry-run"],
    "schema": ["-m", "devops.check", "compare-schema"],
    "deployment": [
        "manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        "--settings",
        "settings.production",
    ],
    "lock": ["-m", "pipenv", "verify"],
}


def main(arguments: list[str]) -> int:
    if arguments == ["compare-schema"]:
        return compare_schema()
    if arguments == ["write-schema"]:
        return write_schema(SDL)
    return run_checks(arguments or list(CHECKS))


def run_checks(names: list[str]) -> int:
    failed = [name for name in names if not passes(name, CHECKS[name])]
    print(f"\nFailed: {', '.join(failed)}" if failed else f"\nPassed: {', '.join(names)}")
    return 1 if failed else 0


def passes(name: str, arguments: list[str]) -> bool:
    print(f"\n--- {name}", flush=True)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}).returncode == 0


def compare_schema() -> int:
    """Compare the committed SDL with the schema's; the difference is what a review reads."""
    with tempfile.TemporaryDirectory() as folder:
        current = Path(folder) / "schema.graphql"
        if write_schema(current) != 0:
            return 1
        lines = [text.read_text().splitlines(keepends=True) for text in (SDL, current)]
    difference = list(difflib.unified_diff(*lines, "api/schema.graphql", "the schema"))
    sys.stdout.writelines(difference)
    if difference:
        print("api/schema.graphql is out of date: make schema")
    return 1 if difference else 0


def write_schema(path: Path) -> int:
    command = [sys.executable, "manage.py", "graphql_schema", "--out", str(path)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
