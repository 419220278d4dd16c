"""How a connection is doing, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from connectors import credentials
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from connectors.services import webhook_versions

UPDATE_AHEAD = timedelta(days=90)  # of the end of the API version that a driver uses

Tone = Literal["ok", "warn", "bad"]
Webhooks = Literal["in_place", "not_set_up", "not_with_this_access", "not_offered"]
Circuit = Literal["closed", "half_open", "open"]
LOW_BUDGET = 0.2


@dataclass(frozen=True, slots=True)
class Health:
    tone: Tone
    headline: str
    detail: str


def of(connection: Connection, *, at: datetime) -> Health:
    """The one thing to know first. Times are in the current time zone: the merchant's, on a page."""
    match connection.state:
        case ConnectionState.AUTH_LOST:
            return Health("bad", "Needs reconnecting", connection.state_reason)
        case ConnectionState.PAUSED:
            return Health("warn", "Paused", connection.state_reason)
        case ConnectionState.REMOVED:
            return Health("bad", "Disconnected", connection.state_reason)
    if not is_readable(connection):
        return Health("bad", "Needs reconnecting", "Its credentials cannot be read: reconnect.")
    if connection.open_until and connection.open_until > at:
        when = f"{timezone.localtime(connection.open_until):%H:%M:%S}"
        if connection.breaker_opened:
            return Health("bad", "Not answering", f"We try again at {when}.")
        return Health("warn", "Waiting for the store's rate limit", f"We go on at {when}.")
    if _failing(connection):
        return Health("warn", "Last call failed", connection.last_error or "It is tried again by itself.")
    return _warning(connection, at) or Health("ok", "Connected", "")


def _warning(connection: Connection, at: datetime) -> Health | None:
    """What holds no order up, and needs a look."""
    if connection.poll_error:
        return Health("warn", "Changes could not be fetched", connection.poll_error)
    if connection.token_expires_at and connection.token_expires_at <= at:
        return Health("warn", "Access is being renewed", "The last one ran out. Orders wait a moment.")
    if connection.missing_scopes:
        missing = ", ".join(connection.missing_scopes)
        return Health("warn", "Lacks permissions", f"Reconnect and allow: {missing}.")
    if connection.api_warning:
        return Health("warn", "Storeward needs an update", connection.api_warning)
    if connection.webhook_version:
        return Health("warn", "Webhooks of another version", webhook_versions.words(connection))
    until = connector_class(connection.platform).supported_until
    if until and until - at.date() < UPDATE_AHEAD:
        return Health("warn", "Storeward needs an update", f"What it speaks to this platform ends on {until:%d %B %Y}.")
    return None


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    tone: Tone | Literal[""] = ""


def facts(connection: Connection, *, at: datetime) -> list[Fact]:
    """What stands on the health card, each in plain words. Times are in the current time zone. No query."""
    return [
        Fact("Last success", _when(connection.last_success_at, at) or "never"),
        Fact("Last failure", _when(connection.last_failure_at, at) or "none", "warn" if _failing(connection) else ""),
        *([Fact("It said", connection.last_error)] if connection.last_error else []),
        *([Fact("Changes", f"could not be fetched: {connection.poll_error}", "warn")] if connection.poll_error else []),
        _webhooks(connection, at),
        *([Fact("Webhook version", webhook_versions.words(connection), "warn")] if connection.webhook_version else []),
        _budget(connection, at),
        _circuit(connection, at),
        _token(connection, at),
        *_server_key(connection),
    ]


def unread_since(connection: Connection) -> datetime | None:
    """From when on orders that customers placed there do not all come in; None while they do."""
    return Connection.objects.filter(pk=connection.pk).values_list("channel__sync__failing_since", flat=True).first()


def _failing(connection: Connection) -> bool:
    failure, success = connection.last_failure_at, connection.last_success_at
    return failure is not None and (success is None or failure > success)


def webhooks_state(connection: Connection) -> Webhooks:
    """Whether the store tells us of changes by itself; where it does not, it is asked regularly."""
    if not connector_class(connection.platform).capabilities.webhooks:
        return "not_offered"
    if connection.webhooks_checked_at is None:
        return "not_set_up"
    return "in_place" if connection.webhook_topics else "not_with_this_access"


def _webhooks(connection: Connection, at: datetime) -> Fact:
    match webhooks_state(connection):
        case "not_offered":
            return Fact("Webhooks", "none there; it is asked for changes regularly")
        case "not_set_up":
            return Fact("Webhooks", "not set up; changes are found by asking the store regularly", "warn")
        case "not_with_this_access":
            return Fact("Webhooks", "none with this access; changes are found by asking the store regularly")
    count = len(connection.webhook_topics)
    checked = _when(connection.webhooks_checked_at, at)
    return Fact("Webhooks", f"{count} topic{'' if count == 1 else 's'}, checked {checked}")


def free_budget(connection: Connection, at: datetime) -> float | None:
    """The part from 0 to 1 of the store's rate limit that is free, with what has flowed back since it was told last.

    None when the store has not told it.
    """
    available, maximum = connection.budget_available, connection.budget_maximum
    if available is None or not maximum or connection.budget_at is None:
        return None
    back = (at - connection.budget_at).total_seconds() * (connection.budget_restore_per_s or 0)
    return min(max((available + max(back, 0)) / maximum, 0), 1)


def _budget(connection: Connection, at: datetime) -> Fact:
    share = free_budget(connection, at)
    if share is None:
        return Fact("Rate budget", "the store has not told it")
    points = f"{share:.0%} of {connection.budget_maximum:,.0f} points free"
    return Fact("Rate budget", points, "warn" if share < LOW_BUDGET else "")


def circuit_state(connection: Connection, at: datetime) -> Circuit:
    """`open`: no calls until `open_until`; `half_open`: one at a time."""
    if connection.open_until and connection.open_until > at:
        return "open"
    return "half_open" if connection.breaker_opened else "closed"


def _circuit(connection: Connection, at: datetime) -> Fact:
    match circuit_state(connection, at):
        case "open":
            why = "too many calls failed" if connection.breaker_opened else "the store asked for it"
            return Fact("Circuit", f"no calls until {_when(connection.open_until, at)}: {why}", "warn")
        case "half_open":
            return Fact("Circuit", "trying again, one call at a time", "warn")
    return Fact("Circuit", "closed: calls go through")


def _token(connection: Connection, at: datetime) -> Fact:
    if not is_readable(connection):
        return Fact("Access", "cannot be read: reconnect", "bad")
    expires = connection.token_expires_at
    if expires is None:
        return Fact("Access", "stored encrypted, without an end that we know of")
    if expires <= at:
        return Fact("Access", f"stored encrypted; ran out {_when(expires, at)} and is being renewed", "warn")
    return Fact("Access", f"stored encrypted; renewed by itself, runs out {_when(expires, at)}")


def _server_key(connection: Connection) -> list[Fact]:
    """The key that a person confirmed, of a server that is known by one."""
    key = connection.credentials.get("server_key") if is_readable(connection) else None
    return [Fact("Server key", f"{key}, confirmed")] if key else []


def _when(moment: datetime | None, at: datetime) -> str:
    """21 Nov, 09:41; with the year when it is another one. Empty for None."""
    if moment is None:
        return ""
    local, now = timezone.localtime(moment), timezone.localtime(at)
    return f"{local.day} {local:%b, %H:%M}" if local.year == now.year else f"{local.day} {local:%b %Y, %H:%M}"


def is_readable(connection: Connection) -> bool:
    """Whether the keys of its credentials and of its webhooks' secret are still there. No query."""
    return credentials.readable(connection.credentials) and credentials.readable(connection.webhook_secret)
