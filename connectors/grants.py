"""What a platform's own authorization is made of: our app there, the trip to its page, and what it hands over.

Nothing here knows Django. Times are aware UTC.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from connectors.errors import ConnectorError, CredentialsError, OutcomeUnknownError
from connectors.http import Answer

LONGEST = timedelta(days=3650)  # a token that claims to live longer is malformed
CODE_MAX, TOKEN_MAX = 1000, 2000  # characters

_SUCCESS = range(200, 300)


class NotAuthorizedError(ConnectorError):
    """The trip to the platform's page ended without a grant; the text says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="credentials_expired")


class DeniedError(NotAuthorizedError):
    """The merchant said no."""


class GrantLostError(CredentialsError):
    """The platform refused the refresh token for good: only the merchant can let us in again."""


@dataclass(frozen=True, slots=True)
class App:
    """Our app at one platform, as the operator registered it."""

    key: str
    secrets: tuple[str, ...] = field(repr=False)  # newest first; what is signed may be signed with any
    login_url: str = ""  # where the platform asks its users, when that is not where it answers


@dataclass(frozen=True, slots=True)
class Trip:
    """One way there and back."""

    base_url: str
    shop_domain: str  # whose answer it must be; empty when the platform asks for the shop itself
    state: str = field(repr=False)
    return_url: str  # exactly as it is registered
    deliver_url: str = ""  # where a store hands its keys over by itself


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST to a platform's token address."""

    url: str
    json: Mapping[str, Any] = field(repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """What lets us in. `expires_at` None: it does not run out."""

    credentials: Mapping[str, str] = field(repr=False)
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()


def parameters(query: str) -> dict[str, str]:
    """A query's parameters, decoded. Raises NotAuthorizedError when one comes twice or it cannot be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=50, errors="strict")
    except ValueError:
        raise NotAuthorizedError("The answer could not be read. Nothing was connected.") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise NotAuthorizedError("The answer names something twice. Nothing was connected.")
    return dict(pairs)


def code(given: Mapping[str, str]) -> str:
    """The code in what the browser brought back. Raises NotAuthorizedError when there is none."""
    value = given.get("code", "")
    if not 0 < len(value) <= CODE_MAX or not value.isascii() or not value.isprintable():
        raise NotAuthorizedError("The platform's answer holds no code. Begin again.")
    return value


def same(given: str, wanted: str) -> bool:
    """Compared in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def reply(answer: Answer) -> dict[str, Any]:
    """The JSON object of a token reply. Raises OutcomeUnknownError for anything else: it may have been granted."""
    body = answer.json() if answer.body else None
    if answer.status not in _SUCCESS or not isinstance(body, dict):
        raise malformed()
    return body


def refusal(answer: Answer) -> str:
    """The `error` of a refused token request, by RFC 6749; empty when the body names none."""
    try:
        body = answer.json()
    except ConnectorError:
        return ""
    return str(body.get("error") or "")[:80] if isinstance(body, dict) else ""


def token(body: Mapping[str, Any], name: str) -> str:
    """A token of the reply. Raises OutcomeUnknownError when it is none."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TOKEN_MAX or not value.isascii() or not value.isprintable():
        raise malformed()
    return value


def lifetime(value: Any) -> timedelta:
    """Seconds, as a number or as its text. Raises OutcomeUnknownError when they cannot be meant."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds <= LONGEST.total_seconds():
        raise malformed()
    return timedelta(seconds=seconds)


def instant(value: Any, *, after: datetime) -> datetime:
    """Unix seconds, later than `after`. Raises OutcomeUnknownError when they cannot be meant."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    return after + lifetime(seconds - after.astimezone(UTC).timestamp())


def malformed() -> OutcomeUnknownError:
    return OutcomeUnknownError("The platform's answer about our access could not be read.")
