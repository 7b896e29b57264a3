"""Bring the database up to this release: migrations, and the demo practice when there is no practice yet."""

import os

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.local")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    load_demo_into_empty_database()
    collect_static_files()


def load_demo_into_empty_database() -> None:
    from reservation.models import Practice

    if not Practice.objects.exists():
        call_command("load_demo")


def collect_static_files() -> None:
    """Collect what is served; with DEBUG on, the files are served from where they are."""
    from django.conf import settings

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)


if __name__ == "__main__":
    main()
