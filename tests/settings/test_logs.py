import logging

import pytest

from settings.logs import NoSecrets


@pytest.mark.parametrize(
    ("message", "arguments", "line"),
    [
        ("Not Found: %s", ("/calendar/5-secret.ics",), "Not Found: /calendar/-"),
        ("GET /calendar/5-secret.ics HTTP/1.1", (), "GET /calendar/- HTTP/1.1"),
        ("Not Found: %s", ("/graphql/x",), "Not Found: /graphql/x"),
    ],
)
def test_no_line_has_the_address_of_a_calendar_feed(message, arguments, line):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, message, arguments, None)

    assert NoSecrets().filter(record) is True

    assert record.getMessage() == line
