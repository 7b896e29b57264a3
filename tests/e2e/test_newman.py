"""The Postman collection, run by Postman's own runner, against gunicorn with the demo practice."""

import json
import subprocess

import pytest

from devops.stack.state import ROOT

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

COLLECTION = ROOT / "docs" / "frontdesk.postman_collection.json"
NEWMAN = ROOT / "tests" / "clients" / "node_modules" / ".bin" / "newman"


def run_collection(url, report):
    """Return what newman counted: `total` and `failed` by what."""
    assert NEWMAN.exists(), "newman is not installed: run `make test-full`"
    command = [str(NEWMAN), "run", str(COLLECTION), "--env-var", f"baseUrl={url}", "--color", "off"]
    reporters = ["--reporters", "cli,json", "--reporter-json-export", str(report)]
    newman = subprocess.run([*command, *reporters], capture_output=True, text=True, timeout=120)
    assert newman.returncode == 0, f"{newman.stdout}\n{newman.stderr}"
    return json.loads(report.read_text())["run"]["stats"]


def test_every_request_of_the_collection_works_and_it_can_be_run_again(demo_url, tmp_path):
    first, second = (run_collection(demo_url, tmp_path / f"{run}.json") for run in ("first", "second"))

    requests = sum(len(folder["item"]) for folder in json.loads(COLLECTION.read_text())["item"])
    for stats in (first, second):
        assert stats["requests"]["total"] == requests
        assert stats["assertions"]["total"] > 2 * requests
        assert stats["assertions"]["failed"] == 0
