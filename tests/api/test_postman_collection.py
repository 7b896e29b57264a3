"""What the Postman collection asks is what the schema offers; tests/e2e/test_newman.py runs it."""

import json
from pathlib import Path

import pytest

from api.limits import read_document
from api.schema import schema
from reservation.demo.logins import DEMO_LOGINS, DEMO_PASSWORD

FILE = Path(__file__).parents[2] / "docs" / "frontdesk.postman_collection.json"
COLLECTION = json.loads(FILE.read_text())
ITEMS = {item["name"]: item for folder in COLLECTION["item"] for item in folder["item"]}


@pytest.mark.parametrize("name", ITEMS)
def test_a_request_is_valid_described_and_tested(name):
    request = ITEMS[name]["request"]

    read_document(schema.graphql_schema, request["body"]["graphql"]["query"])
    assert request["url"]["raw"] == "{{baseUrl}}/graphql/"
    assert request["description"]
    assert "pm.test(" in "".join(line for event in ITEMS[name]["event"] for line in event["script"]["exec"])


def test_it_signs_in_to_what_make_run_has():
    values = {variable["key"]: variable["value"] for variable in COLLECTION["variable"]}

    assert values["baseUrl"] == "http://localhost:8000"
    assert values["username"] in {login.username for login in DEMO_LOGINS}
    assert values["password"] == DEMO_PASSWORD


def test_it_keeps_nothing_of_whoever_wrote_it():
    kept = {variable["key"] for variable in COLLECTION["variable"] if variable["value"]}

    assert kept == {"baseUrl", "username", "password"}
