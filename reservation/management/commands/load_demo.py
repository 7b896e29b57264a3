from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reservation.demo.logins import DEMO_LOGINS, DEMO_PASSWORD, DEMO_SLUG, demo_username
from reservation.demo.practice import Loaded, LoginTaken, load_practice
from reservation.demo.roster import PROVIDERS
from reservation.models import Practice

LARGE_SLUG = "large-demo"


class Command(BaseCommand):
    help = (
        "Load a demo practice: providers in three time zones, their weeks, 90 days of appointments, visits "
        "in every state, and four logins. Safe to run again: a practice that exists is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--providers", type=int, help=f"how many (default: {len(PROVIDERS)})")
        parser.add_argument("--days", type=int, default=90, help="of appointments, from today (default: 90)")
        parser.add_argument(
            "--slug", help=f"of the practice (default: {DEMO_SLUG}; with --providers, {LARGE_SLUG})"
        )
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there is any practice")
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off")

    def handle(
        self,
        *_arguments: Any,
        providers: int | None,
        days: int,
        slug: str | None,
        if_empty: bool,
        force: bool,
        **_options: Any,
    ) -> None:
        self._refuse(providers, days, force=force)
        if if_empty and Practice.objects.exists():
            self.stdout.write("There is a practice already; nothing changed.")
            return

        slug = slug or (DEMO_SLUG if providers is None else LARGE_SLUG)
        started = perf_counter()
        try:
            loaded = load_practice(
                slug=slug, provider_count=providers or len(PROVIDERS), days=days, now=timezone.now()
            )
        except LoginTaken as taken:
            raise CommandError(str(taken)) from taken
        if loaded is None:
            self.stdout.write(f"The practice {slug} is there already; nothing changed.")
        else:
            self._report(loaded, seconds=perf_counter() - started)

    def _refuse(self, providers: int | None, days: int, *, force: bool) -> None:
        if not settings.DEBUG and not force:
            raise CommandError(
                "DEBUG is off here, and the demo's logins have a password that everybody knows. "
                "Give --force to load them all the same."
            )
        if providers is not None and not 1 <= providers <= 10_000:
            raise CommandError("--providers must be from 1 to 10,000.")
        if not 1 <= days <= 366:
            raise CommandError("--days must be from 1 to 366.")

    def _report(self, loaded: Loaded, *, seconds: float) -> None:
        names = ", ".join(demo_username(login, loaded.practice.slug) for login in DEMO_LOGINS)
        self.stdout.write(
            f"Loaded {loaded.practice} ({loaded.practice.slug}): {loaded.providers} providers, "
            f"{loaded.clients} clients, {loaded.appointments:,} appointments, "
            f"{loaded.reservations:,} reservations in {seconds:.1f} s "
            f"({loaded.appointments / seconds:,.0f} appointments a second).\n"
            f"Sign in as {names}; the password is {DEMO_PASSWORD}"
        )
