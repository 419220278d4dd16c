"""Access that runs out: renewed ahead of time and on demand, by one worker at a time, and never lost on the way.

`refresh_not_before` is the lease: one conditional UPDATE takes it, the platform is asked outside any transaction, and a
second UPDATE stores what came, if the credentials are still those that were renewed. Whatever happens in between, the
old credentials stand.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from connectors import conditions
from connectors.errors import ConnectionGoneError, ConnectorError, HostRefusedError, RejectedError, RetryableError
from connectors.grants import Grant, GrantLostError
from connectors.http import HttpClient
from connectors.models import Connection, ConnectionState
from connectors.registry import oauth_of
from connectors.services import apps
from connectors.services.calls import Log

AHEAD = timedelta(
    minutes=10
)  # Shopify advises five to ten; its access lives for an hour, Squarespace's for half of one
RETRY = timedelta(minutes=1)  # after a failure
RETRY_REFUSED = timedelta(hours=6)  # after a clear no
NO_LEASE = timedelta(minutes=15)  # longer than any lease, also where two machines' clocks disagree
DEADLINE_S = 20.0
BUDGET = timedelta(seconds=40)  # for all connections of one call; the next call goes on
AT_ONCE = 200
LOOK_AGAIN_S = 2.0  # while another worker renews

_STORED = (
    "credentials", "credential_version", "token_expires_at", "refresh_expires_at", "refresh_not_before", "state",
    "state_reason",
)  # fmt: skip
_LIVING = (ConnectionState.ACTIVE, ConnectionState.PAUSED)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A renewal that did not come about. `is_final`: only the merchant can let us in again, or the shop is gone."""

    connection: Connection  # as it was when it failed
    error: ConnectorError
    is_final: bool


def refresh_due(at: datetime) -> list[Failure]:
    """Renew what runs out soon, soonest first. Returns what failed; one that fails delays no other.

    Network: never in a transaction. Safe to repeat, and to run in several workers at once.
    """
    due = Connection.objects.filter(_free(at), state__in=_LIVING, token_expires_at__lte=at + AHEAD)
    failures = []
    began = time.monotonic()
    for connection in due.order_by("token_expires_at", "pk")[:AT_ONCE]:
        gone_by = timedelta(seconds=time.monotonic() - began)
        if gone_by > BUDGET:
            break
        failure = _refresh_contained(connection, at=at + gone_by)
        if failure is not None:
            failures.append(failure)
    return failures


def renew(*, connection_id: int, refused_version: int, at: datetime) -> Connection | None:
    """The connection with access newer than what the platform refused; None when there will be none.

    Asks the platform at the most once. Raises RetryableError when it is being renewed elsewhere or could not be just
    now. Network: never in a transaction.
    """
    connection = Connection.objects.get(pk=connection_id)
    if connection.credential_version != refused_version:
        return connection if connection.state != ConnectionState.REMOVED else None
    if connection.token_expires_at is None:
        return None
    if not _take(connection, at=at):
        if _was_refused(connection, at):
            return None
        raise RetryableError("Its access is just being renewed.", after_s=_wait_s(connection, at), throttled=True)
    try:
        return _refresh(connection, at=at)
    except GrantLostError:
        return None
    except (RetryableError, RejectedError, HostRefusedError) as error:
        message = f"Its access could not be renewed: {error}"
        raise RetryableError(message, code="credentials_expired", after_s=RETRY.total_seconds()) from error


def _refresh_contained(connection: Connection, *, at: datetime) -> Failure | None:
    if not _take(connection, at=at):
        return None  # another worker does
    try:
        _refresh(connection, at=at)
    except ConnectorError as error:
        has_run_out = connection.token_expires_at is not None and connection.token_expires_at <= at
        is_final = isinstance(error, ConnectionGoneError) or (isinstance(error, GrantLostError) and has_run_out)
        return Failure(connection, error, is_final)
    return None


def _refresh(connection: Connection, *, at: datetime) -> Connection:
    """Under the lease. Raises what the platform's module raises; then nothing but the health has changed."""
    try:
        grant = _ask(connection, at=at)
    except ConnectorError as error:
        logger.warning("access not renewed", extra={"connection_id": connection.pk, "error": type(error).__name__})
        _failed(connection, error, at=at)
        raise
    return _store(connection, grant, at=at)


def _ask(connection: Connection, *, at: datetime) -> Grant:
    """The platform's answer. Raises GrantLostError at once when there is nothing to renew with."""
    module, app = oauth_of(connection.platform), apps.app_of(connection.platform)
    if module is None or app is None:
        raise RejectedError("This Storeward has no app key for the platform any more.")
    if not connection.credentials.get("refresh_token"):
        raise GrantLostError("There is nothing to renew its access with. Reconnect the store.")
    app = apps.app_at(app, connection.base_url)
    request = module.refresh(app, connection.base_url, connection.credentials)
    options = {"allow_loopback": settings.ALLOW_LOOPBACK, "deadline_s": DEADLINE_S, "on_call": Log(connection.pk)}
    with closing(HttpClient(**options)) as http:
        answer = http.request(
            "POST",
            request.url,
            headers=request.headers,
            json=dict(request.json),
            auth=request.auth,
            operation="refresh_token",
            changes=True,
        )
    return module.refreshed(answer, at=at)


def _free(at: datetime) -> Q:
    return Q(refresh_not_before=None) | Q(refresh_not_before__lte=at)


def _take(connection: Connection, *, at: datetime) -> bool:
    """The lease; False when another worker has it, has just renewed, or failed a moment ago."""
    rows = Connection.objects.filter(_free(at), pk=connection.pk, credential_version=connection.credential_version)
    until = at + timedelta(seconds=settings.LEASE_S)
    taken = rows.exclude(state=ConnectionState.REMOVED).update(refresh_not_before=until)
    if taken:
        connection.refresh_not_before = until
    return bool(taken)


@transaction.atomic
def _store(connection: Connection, grant: Grant, *, at: datetime) -> Connection:
    """The new credentials, all at once. What somebody stored meanwhile, or the disconnect, is newer and stands."""
    row = Connection.objects.select_for_update().get(pk=connection.pk)
    if row.credential_version != connection.credential_version or row.state == ConnectionState.REMOVED:
        return row
    row.credentials = {**row.credentials, **grant.credentials}
    row.credential_version += 1
    row.token_expires_at, row.refresh_expires_at = grant.expires_at, grant.refresh_expires_at
    row.refresh_not_before = None
    if row.state == ConnectionState.AUTH_LOST:  # found lost while this was under way
        row.state, row.state_reason = ConnectionState.ACTIVE, ""
    row.save(update_fields=_STORED)
    conditions.cleared(conditions.token_renewed(row.pk))
    logger.info("access renewed", extra={"connection_id": row.pk, "credential_version": row.credential_version})
    return row


def _wait_s(connection: Connection, at: datetime) -> float:
    """A moment while somebody renews it; after a failure, until it may be tried again."""
    left = (connection.refresh_not_before or at) - at
    return left.total_seconds() if timedelta(seconds=LOOK_AGAIN_S) < left <= RETRY else LOOK_AGAIN_S


def _was_refused(connection: Connection, at: datetime) -> bool:
    """No lease and no retry is that far ahead."""
    return (connection.refresh_not_before or at) - at > NO_LEASE


def _failed(connection: Connection, error: ConnectorError, *, at: datetime) -> None:
    """Give the lease back, for others to try later; not soon, when the platform said a clear no."""
    has_run_out = connection.token_expires_at is None or connection.token_expires_at <= at
    refused = isinstance(error, ConnectionGoneError) or (isinstance(error, GrantLostError) and has_run_out)
    rows = Connection.objects.filter(pk=connection.pk, refresh_not_before=connection.refresh_not_before)
    rows.update(
        refresh_not_before=at + (RETRY_REFUSED if refused else RETRY), last_failure_at=at, last_error=str(error)[:500]
    )
