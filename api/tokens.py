"""Who is calling: access tokens, refresh tokens, and the practice in which their bearer acts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils import timezone
from graphql_jwt.exceptions import JSONWebTokenError
from graphql_jwt.refresh_token.models import RefreshToken
from graphql_jwt.settings import jwt_settings
from graphql_jwt.shortcuts import create_refresh_token
from graphql_jwt.utils import get_payload, get_user_by_payload, jwt_encode

from reservation.models import User
from reservation.rules.errors import DomainError
from reservation.rules.policy import Actor
from reservation.selectors import accounts

SCHEMES = {"bearer", "jwt"}


class InvalidCredentials(DomainError):
    """These credentials sign nobody in."""

    code = "INVALID_CREDENTIALS"


class InvalidToken(DomainError):
    """This token is not valid, or no longer."""

    code = "INVALID_TOKEN"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gives. refresh_expires_in: when the refresh token expires, in seconds since 1970."""

    token: str
    payload: dict[str, Any]
    refresh_token: str
    refresh_expires_in: int


def identify(request: HttpRequest) -> tuple[User | AnonymousUser, Actor | None]:
    """Return whose access token a request carries, and who they act as.

    A token that is wrong or has expired counts as none: with it one can still sign in or take a new one.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in SCHEMES:
        return AnonymousUser(), None
    try:
        payload = verify(token.strip())
        user = get_user_by_payload(payload)
    except (InvalidToken, JSONWebTokenError):
        return AnonymousUser(), None
    if user is None:
        return AnonymousUser(), None
    return user, accounts.find_actor(user, practice_slug=payload.get("practice", ""))


def sign_in(request: HttpRequest, *, username: str, password: str, practice_slug: str = "") -> Tokens:
    """Return tokens for the user who has this name and password.

    An unknown name and a wrong password are told the same, after the same time.
    Raises: InvalidCredentials.
    """
    user = authenticate(request, username=username, password=password)
    if user is None:
        raise InvalidCredentials
    assert isinstance(user, User)
    return _issue(user, request, practice_slug=practice_slug)


@transaction.atomic
def refresh(request: HttpRequest, *, refresh_token: str, practice_slug: str = "") -> Tokens:
    """Return new tokens for a refresh token, which is good for one use.

    Raises: InvalidToken, InvalidCredentials (the user is no member any more; the token keeps its use).
    """
    oldest = timezone.now() - jwt_settings.JWT_REFRESH_EXPIRATION_DELTA
    usable = RefreshToken.objects.filter(token=refresh_token, revoked__isnull=True, created__gt=oldest)
    # Of several who bring the same token at once, the lock lets one through: the others find it revoked.
    used = usable.select_for_update(of=("self",)).select_related("user").first()
    if used is None:
        raise InvalidToken
    used.revoke(request)
    return _issue(used.user, request, practice_slug=practice_slug)


def revoke(refresh_token: str) -> datetime:
    """Make a refresh token useless; return when.

    Raises: InvalidToken (unknown, or revoked already).
    """
    now = timezone.now()
    if not RefreshToken.objects.filter(token=refresh_token, revoked__isnull=True).update(revoked=now):
        raise InvalidToken
    return now


def verify(token: str) -> dict[str, Any]:
    """Return what a valid access token says.

    Raises: InvalidToken.
    """
    try:
        payload: dict[str, Any] = get_payload(token)
    except JSONWebTokenError:
        raise InvalidToken from None
    return payload


def make_payload(
    user: User, request: HttpRequest | None = None, *, practice_slug: str = ""
) -> dict[str, Any]:
    """Return what an access token says: who signed in, in which practice they act, until when.

    The practice is the one named, else that of the host name, else the user's only one.
    Raises: InvalidCredentials (the user is inactive, or no member there).
    """
    host = split_domain_port(request.get_host())[0] if request else ""
    membership = accounts.find_membership(user, practice_slug=practice_slug, host=host)
    if membership is None or not user.is_active:
        raise InvalidCredentials("Name a practice of which you are a member.", path=("practice",))
    expires_at = timezone.now() + jwt_settings.JWT_EXPIRATION_DELTA
    return {
        User.USERNAME_FIELD: user.get_username(),
        "practice": membership.practice.slug,
        "exp": int(expires_at.timestamp()),
    }


def _issue(user: User, request: HttpRequest, *, practice_slug: str) -> Tokens:
    payload = make_payload(user, request, practice_slug=practice_slug)
    refresh_token = create_refresh_token(user)
    expires_at = refresh_token.created + jwt_settings.JWT_REFRESH_EXPIRATION_DELTA
    return Tokens(jwt_encode(payload), payload, refresh_token.get_token(), int(expires_at.timestamp()))
