"""Production: every secret from the environment, no default; a missing one stops the start by its name."""

from settings import *  # noqa: F403
from settings import env, postgresql, redis_cache

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
PUBLIC_HOSTS: list[str] = env.list("ALLOWED_HOSTS")
# The container asks itself whether it is up, by that name and without TLS.
ALLOWED_HOSTS = [*PUBLIC_HOSTS, "localhost"]
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [f"https://{host}" for host in PUBLIC_HOSTS])

DATABASES = {"default": postgresql()}
CACHES = {"default": redis_cache(env.str("CACHE_URL"))}
CELERY_BROKER_URL = env.str("BROKER_URL")

# nginx overwrites this header, and is the only way in.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

EMAIL_CONFIG = env.dj_email_url("EMAIL_URL")
vars().update(EMAIL_CONFIG)
GRAPHIQL = False

# A name of its own for each version of a file: no browser runs an old script against a new page.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
