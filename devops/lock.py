"""`make lock`: resolve Pipfile into Pipfile.lock, and forget which index answered: any index serves."""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "Pipfile.lock"


def main() -> int:
    status = subprocess.run([sys.executable, "-m", "pipenv", "lock"], cwd=LOCK.parent).returncode
    if status == 0:
        LOCK.write_text(without_indexes(LOCK.read_text()))
    return status


def without_indexes(text: str) -> str:
    """Return the lock's text without the addresses and names of package indexes."""
    lock = json.loads(text)
    lock["_meta"]["sources"] = []
    for section in ("default", "develop"):
        for package in lock[section].values():
            package.pop("index", None)
    return json.dumps(lock, indent=4, separators=(",", ": "), sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
