"""What every environment shares: no secret, and nothing that can run alone.

`local` is the one-command stack, `development` is compose, `test` is the test run, `production` is the real
thing. Each of them starts with `from settings import *` and adds what differs.
"""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / ".data"

env = Env()

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "graphene_django",
    "api",
    "graphql_jwt.refresh_token",
    "reservation",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "reservation.admin.clock.desk_clock",
]

ROOT_URLCONF = "reservation.urls"
WSGI_APPLICATION = "reservation.wsgi.application"
AUTH_USER_MODEL = "reservation.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "reservation.formats"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# A GraphQL document and its variables; the view refuses more before reading it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

GRAPHENE = {"SCHEMA": "api.schema.schema", "SCHEMA_OUTPUT": "api/schema.graphql"}
GRAPHQL_JWT = {
    "JWT_VERIFY_EXPIRATION": True,
    "JWT_EXPIRATION_DELTA": timedelta(minutes=15),
    "JWT_REFRESH_EXPIRATION_DELTA": timedelta(days=7),
    "JWT_ALGORITHM": "HS256",
    "JWT_PAYLOAD_HANDLER": "api.tokens.make_payload",
}

# Booking policy; a service may override the lead time and the hold.
BOOKING_LEAD_TIME_MINUTES = env.int("BOOKING_LEAD_TIME_MINUTES", 24 * 60)
BOOKING_HOLD_MINUTES = env.int("BOOKING_HOLD_MINUTES", 30)
BOOKING_HORIZON_DAYS = env.int("BOOKING_HORIZON_DAYS", 90)
BOOKING_MAX_OPEN_HOLDS = env.int("BOOKING_MAX_OPEN_HOLDS", 3)

# Whether webhooks may be sent to private addresses: for receivers on the practice's own network.
WEBHOOK_PRIVATE_ADDRESSES = env.bool("WEBHOOK_PRIVATE_ADDRESSES", False)

CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "expire holds": {"task": "reservation.expire_holds", "schedule": 30.0},
    "fill from the waitlist": {"task": "reservation.fill_from_waitlist", "schedule": 15.0},
    "publish appointments ahead": {"task": "reservation.publish_appointments", "schedule": 3600.0},
    "purge": {"task": "reservation.purge", "schedule": 86_400.0},
    "deliver webhooks": {"task": "reservation.deliver_webhooks", "schedule": 10.0},
}

UNFOLD = {
    "SITE_TITLE": "Frontdesk",
    "ENVIRONMENT": "reservation.admin.clock.badge",
    "SITE_HEADER": "Frontdesk",
    "SITE_SYMBOL": "calendar_month",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "reservation.admin.shown.favicon"}],
    "SIDEBAR": {"show_search": True, "navigation": "reservation.admin.sidebar.list_groups"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_secrets": {"()": "settings.logs.NoSecrets"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_secrets"]}
    },
    # Django's own handlers would say everything twice; the access log has each refusal already.
    "loggers": {"django": {"handlers": []}, "django.request": {"level": "ERROR"}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", logging.INFO)},
}


def postgresql(url_variable: str = "DATABASE_URL", **options: object) -> dict[str, object]:
    """Return the DATABASES entry for the address in `url_variable`; refuse anything but PostgreSQL."""
    database: dict[str, Any] = env.dj_db_url(url_variable, conn_max_age=60, conn_health_checks=True)
    if database["ENGINE"] != "django.db.backends.postgresql":
        raise ValueError(f"{url_variable} must begin with postgresql://: Frontdesk runs on PostgreSQL alone")
    # Compiling a query costs more than any of ours takes to run. gunicorn sets a limit; migrations have none.
    options_sent = f"-c jit=off -c statement_timeout={env.str('STATEMENT_TIMEOUT', '0')}"
    settings = {"options": options_sent, **database.get("OPTIONS", {})}
    return {**database, "OPTIONS": settings, **options}


def redis_cache(url: str) -> dict[str, object]:
    """Return the CACHES entry for a Valkey or Redis address."""
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
