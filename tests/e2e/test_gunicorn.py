"""What gunicorn writes down of a request, and what it must not."""

import urllib.error
import urllib.request

import pytest

from tests.e2e import logs

pytestmark = pytest.mark.django_db(transaction=True)


def logged(gunicorn, path, request_id):
    """Send a GET and return the line that the access log has of it."""
    request = urllib.request.Request(gunicorn.url + path, headers={"X-Request-Id": request_id})
    try:
        urllib.request.urlopen(request, timeout=20).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()
    return logs.line_with(gunicorn.log, f"id={request_id}")


def test_the_log_has_no_query_string(gunicorn_server, gunicorn_url):
    line = logged(gunicorn_server, "/graphql/?query=%7B__typename%7D&name=Jane", "a-query")

    assert '"GET /graphql/" 200' in line
    assert "Jane" not in line


def test_the_log_has_no_calendar_feeds_address(gunicorn_server, gunicorn_url):
    line = logged(gunicorn_server, "/calendar/1-secret.ics", "a-feed")

    assert '"GET /calendar/-" 404' in line
    assert "secret" not in line
