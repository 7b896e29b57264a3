"""gunicorn's settings, the same everywhere; what differs comes from the environment."""

import os
import re
import sys

from gunicorn import glogging

wsgi_app = "reservation.wsgi:application"
bind = os.environ.get("WEB_BIND") or f"127.0.0.1:{os.environ.get('PORT') or 8000}"

# One operation is mostly waiting for PostgreSQL: threads share the memory, two workers use two cores.
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS") or 2)
threads = int(os.environ.get("WEB_THREADS") or 8)
preload_app = True
worker_tmp_dir = "/dev/shm" if sys.platform == "linux" else None  # a heartbeat must never wait for a disk

# A thread cannot be stopped from outside: what runs longer than anybody waits is ended by the database.
os.environ.setdefault("STATEMENT_TIMEOUT", "30s")

timeout = 60  # of a worker that gives no sign of life; a request may take longer
graceful_timeout = 8
keepalive = 75  # longer than the proxy keeps a connection, so that the proxy closes first

limit_request_line = 4094
limit_request_field_size = 8190
forwarded_allow_ips = os.environ.get("WEB_TRUSTED_PROXIES") or "127.0.0.1"
control_socket_disable = True

accesslog = "-"
# Without the query string: a GET's document may name a client.
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms%(request_id)s'


class logger_class(glogging.Logger):
    """Leaves out the secret that a calendar feed's address is, and the health checks that went well."""

    def atoms(self, resp, req, environ, request_time):
        atoms = super().atoms(resp, req, environ, request_time)
        request_id = atoms.get("{x-request-id}i")
        return {
            **atoms,
            "U": re.sub(r"^/calendar/.*", "/calendar/-", atoms["U"]),
            "request_id": f" id={request_id}" if request_id else "",
        }

    def access(self, resp, req, environ, request_time):
        if not (req.path == "/healthz" and resp.status_code == 200):
            super().access(resp, req, environ, request_time)


def when_ready(_server):
    """Build the schema once, before the workers are forked: they share it, and no request waits for it."""
    from django.urls import get_resolver

    assert get_resolver().url_patterns
