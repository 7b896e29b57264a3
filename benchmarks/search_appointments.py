"""How long PostgreSQL takes to find the first open appointments among a million.

    DATABASE_URL=postgresql://... python -m benchmarks.search_appointments [--keep] [--plan]

Builds a practice of 520 providers in a database of its own (frontdesk_bench) beside the one that DATABASE_URL
names, and drops it afterwards; --keep leaves it for the next run. Three quarters of the first day that can
be booked are booked, part of it by holds that have run out: what is open is found among what is not. Runs
the statements that the API runs, as the selectors write them. Exits with 1 when the first 50 open
appointments take over 3 ms (median), or when a plan reads the whole appointment table.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg2
from tqdm import tqdm

DATABASE = "frontdesk_bench"
PROVIDERS = 520
DAYS = 90
RUNS = 200
FIRST = 50
BUDGET_MS = 3.0


@dataclass(frozen=True)
class Case:
    """A search: what runs it, and its budget; none where it must skip more than what is booked."""

    name: str
    run: Callable[[], object]
    budget_ms: float | None = BUDGET_MS


@dataclass(frozen=True)
class Result:
    case: Case
    rows: int
    median_ms: float
    p95_ms: float
    plan: dict[str, Any]

    @property
    def seq_scans(self) -> list[str]:
        scans = [node["Relation Name"] for node in walk(self.plan["Plan"]) if node["Node Type"] == "Seq Scan"]
        return [table for table in scans if table == "reservation_appointment"]

    @property
    def is_within_budget(self) -> bool:
        return self.case.budget_ms is None or self.median_ms <= self.case.budget_ms


@contextmanager
def bench_database(url: str, *, keep: bool) -> Iterator[None]:
    """Create the database, or reuse a kept one, and point Django at it; drop it at the end unless kept."""
    own_url = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    server = psycopg2.connect(url)
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute("SELECT version()")
        print(cursor.fetchone()[0].split(" on ")[0])
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    os.environ["DATABASE_URL"] = own_url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.test")
    django.setup()
    try:
        yield
    finally:
        from django.db import connection

        connection.close()
        if not keep:
            with server.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        server.close()


BOOK_FIRST_DAY = """
WITH first AS (
    SELECT min(starts_at) AS starts_at FROM reservation_appointment WHERE starts_at >= %(from)s
), booked AS (
    INSERT INTO reservation_reservation (
        practice_id, provider_id, client_id, starts_at, ends_at, status, expires_at, version,
        override_reason, cancellation_reason
    )
    SELECT a.practice_id, a.provider_id, (SELECT min(id) FROM reservation_client), a.starts_at, a.ends_at,
        CASE WHEN a.id %% 20 = 1 THEN 'HELD' ELSE 'CONFIRMED' END, %(now)s, 1, '', ''
    FROM reservation_appointment a, first
    WHERE a.starts_at BETWEEN first.starts_at AND first.starts_at + interval '1 day' AND a.id %% 4 <> 0
        AND NOT EXISTS (
            SELECT 1 FROM reservation_reservationappointment r WHERE r.appointment_id = a.id AND r.is_live
        )
    RETURNING id, practice_id, provider_id, starts_at
)
INSERT INTO reservation_reservationappointment (practice_id, reservation_id, appointment_id, is_live)
SELECT b.practice_id, b.id, a.id, true
FROM booked b JOIN reservation_appointment a USING (practice_id, provider_id, starts_at)
"""


def build(now: datetime) -> None:
    """Load the practice, and book out the first day: one in twenty of it by holds that are over."""
    from django.core.management import call_command
    from django.db import connection

    from reservation.demo.practice import load_practice
    from reservation.selectors import policies

    call_command("migrate", verbosity=0)
    started = perf_counter()
    loaded = load_practice(slug="bench", provider_count=PROVIDERS, days=DAYS, now=now)
    if loaded is None:
        print("Reusing the practice of an earlier run.")
        return

    rate = loaded.appointments / (perf_counter() - started)
    print(f"{loaded.appointments:,} appointments and {loaded.reservations:,} reservations loaded,")
    print(f"{rate:,.0f} appointments a second")
    with connection.cursor() as cursor:
        bookable_from = now + policies.get_booking_policy().lead_time
        cursor.execute(BOOK_FIRST_DAY, {"from": bookable_from, "now": now})
        print(f"{cursor.rowcount:,} more reservations on the first day")
        # VACUUM, as autovacuum will have done: an index-only scan needs the visibility map.
        cursor.execute("VACUUM ANALYZE")


def cases(now: datetime) -> list[Case]:
    from reservation.models import Location, Membership, Practice, Provider, Service
    from reservation.rules.policy import Actor, Role
    from reservation.selectors import calendar
    from reservation.selectors.calendar import AppointmentFilter

    practice = Practice.objects.get(slug="bench")
    desk = Actor(practice_id=practice.pk, role=Role.STAFF)
    member = Membership.objects.get(practice=practice, role=Role.CLIENT)
    client = Actor(practice_id=practice.pk, role=Role.CLIENT, client_id=member.client_id)
    provider = Provider.objects.filter(practice=practice).order_by("id")[PROVIDERS // 2]
    location = Location.objects.get(practice=practice, name="Lakeview")
    services = {
        service.slots: service for service in Service.objects.filter(practice=practice).order_by("-id")
    }

    later = now + timedelta(days=60)

    def first_open(actor: Actor, **wanted: Any) -> Callable[[], object]:
        # One more than asked for: so a connection knows whether there is a next page.
        rows = calendar.list_appointments(actor, now=now, wanted=AppointmentFilter(bookable=True, **wanted))
        return lambda: list(rows.order_by("starts_at", "id")[: FIRST + 1])

    return [
        Case("open, for a client", first_open(client)),
        Case("open, for the desk", first_open(desk)),
        Case("open, in 60 days", first_open(client, starts_at_gte=later)),
        Case("open, of one provider", first_open(client, provider_ids=[provider.pk])),
        Case("open, at one location", first_open(client, location_id=location.pk), budget_ms=None),
        Case(
            "2 slots in a row, in 60 days",
            first_open(client, service=services[2], starts_at_gte=later),
            budget_ms=None,
        ),
        Case("2 slots in a row", first_open(client, service=services[2]), budget_ms=None),
        Case("4 slots in a row", first_open(client, service=services[4]), budget_ms=None),
        Case(
            "next 3 of one provider",
            lambda: calendar.list_next_available(
                client, now=now, wanted=AppointmentFilter(provider_ids=[provider.pk]), per_provider=3
            ),
        ),
        Case(
            f"next 3 of all {PROVIDERS} providers",
            lambda: calendar.list_next_available(client, now=now, wanted=AppointmentFilter(), per_provider=3),
            budget_ms=None,
        ),
    ]


def measure(case: Case) -> Result:
    """Run the case's one statement RUNS times, after ten to warm up; time it from sending to the last row."""
    from django.db import connection

    sql, parameters = statement_of(case.run)
    times = []
    with connection.cursor() as cursor:
        for _ in tqdm(range(RUNS + 10), desc=case.name, leave=False, disable=None):
            started = perf_counter()
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
            times.append((perf_counter() - started) * 1000)
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", parameters)
        answer = cursor.fetchone()[0]
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]
    times = sorted(times[10:])
    return Result(case, len(rows), statistics.median(times), times[int(RUNS * 0.95)], plan)


def statement_of(run: Callable[[], object]) -> tuple[str, Any]:
    """Run it and return the one statement that it sent."""
    from django.db import connection

    sent: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        sent.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        run()
    (statement,) = sent
    return statement


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from walk(child)


def print_plan(result: Result) -> None:
    plan = result.plan
    times = f"planning {plan['Planning Time']:.2f} ms, execution {plan['Execution Time']:.2f} ms"
    print(f"\n{result.case.name}: {times}")
    print_node(plan["Plan"], depth=1)


def print_node(node: dict[str, Any], depth: int) -> None:
    where = node.get("Index Name") or node.get("Relation Name") or ""
    counts = f"rows={node['Actual Rows']} loops={node['Actual Loops']}"
    blocks = f"blocks={node['Shared Hit Blocks']}+{node['Shared Read Blocks']}"
    print(f"{'  ' * depth}{node['Node Type']} {where} {counts} {node['Actual Total Time']:.2f} ms {blocks}")
    for child in node.get("Plans", []):
        print_node(child, depth + 1)


def print_table(results: list[Result]) -> None:
    print(f"\n{f'median of {RUNS} runs':34} {'rows':>5} {'median':>9} {'p95':>9}")
    for result in results:
        times = f"{result.median_ms:6.2f} ms {result.p95_ms:6.2f} ms"
        verdict = "" if result.is_within_budget else f"  over {result.case.budget_ms} ms"
        verdict += "  SEQ SCAN" if result.seq_scans else ""
        print(f"{result.case.name:34} {result.rows:5} {times}{verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the appointment search over a million appointments.")
    parser.add_argument("--keep", action="store_true", help=f"leave {DATABASE} for the next run")
    parser.add_argument("--plan", action="store_true", help="print every plan, not only the first")
    arguments = parser.parse_args()

    with bench_database(os.environ["DATABASE_URL"], keep=arguments.keep):
        from django.utils import timezone

        now = timezone.now()
        build(now)
        results = [measure(case) for case in cases(now)]

    for result in results if arguments.plan else results[:1]:
        print_plan(result)
    print_table(results)
    is_good = all(result.is_within_budget and not result.seq_scans for result in results)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
