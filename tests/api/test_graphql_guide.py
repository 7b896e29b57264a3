"""What docs/graphql.md tells works: its documents, its refusal, its lists of codes."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from api.utils import ErrorCode
from reservation.demo.logins import DEMO_PASSWORD
from reservation.rules.errors import DomainError
from reservation.rules.policy import Role
from tests import factories
from tests.api.shapes import id_of, instant

GUIDE = (Path(__file__).parents[2] / "docs" / "graphql.md").read_text()
RESERVE = """
mutation ($id: ID!) {
  reserveAppointment(input: {appointmentId: $id}) { reservation { id } errors { code message path } }
}"""
# Codes of what is refused before, or breaks beneath, the domain.
NOT_OF_THE_DOMAIN = {"UNAUTHENTICATED", "INTERNAL", "UNAVAILABLE"}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def codes_of_table(header):
    """Return the codes in the first column of the table whose header has this first cell."""
    (rows,) = re.findall(rf"^\| {re.escape(header)} \|.*\n\|---.*\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)
    return {code for row in rows.splitlines() for code in re.findall("[A-Z_]{2,}", row.split("|")[1])}


def codes_of_the_domain():
    errors = list(DomainError.__subclasses__())
    for error in errors:
        errors.extend(error.__subclasses__())
    return {error.code for error in errors if not error.__module__.startswith("tests.")}


@pytest.fixture
def client_login(practice):
    user = factories.UserFactory(username="client", password=DEMO_PASSWORD)
    return factories.MembershipFactory(practice=practice, user=user, role=Role.CLIENT)


@pytest.mark.parametrize("document", blocks("graphql"))
def test_a_document_of_the_guide_gives_what_it_asks_for(graphql, practice, client_login, document):
    appointment = factories.AppointmentFactory(provider__practice=practice)
    variables = {
        "from": instant(timezone.now()),
        "until": instant(timezone.now() + timedelta(days=31)),
        "provider": id_of(appointment.provider),
    }

    answer = graphql(document, variables, as_=client_login)

    assert "errors" not in answer
    assert all(answer["data"].values())
    assert '"edges": []' not in json.dumps(answer)


def test_the_refusal_shown_is_the_one_that_is_answered(graphql, practice, client_login):
    soon = factories.quarter_hour_after(timezone.now() + timedelta(hours=2))
    appointment = factories.AppointmentFactory(provider__practice=practice, starts_at=soon)

    answer = graphql(RESERVE, {"id": id_of(appointment)}, as_=client_login)

    (shown,) = blocks("json")
    assert answer == json.loads(shown)


def test_the_first_table_lists_every_code_that_is_data():
    assert codes_of_table("code") == set(ErrorCode._meta.enum.__members__)


def test_the_tables_together_list_every_code():
    listed = codes_of_table("code") | codes_of_table("`extensions.code`")

    assert listed - NOT_OF_THE_DOMAIN == codes_of_the_domain()
    assert listed >= NOT_OF_THE_DOMAIN
