"""The life of a connection: connect, reconnect, pause, resume, disconnect, and what the outside tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import Merchant
from accounts.services import audit
from connectors import conditions
from connectors.base import Account, ShopInfo
from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.models import Connection, ConnectionState, SyncSettings
from connectors.registry import connector_class
from connectors.services.clients import connector_for

STOREWARD = "Storeward"
ASK_DEADLINE_S = 10.0  # a person is waiting


def ask(*, platform: str, base_url: str, credentials: Mapping[str, str]) -> ShopInfo:
    """Find out who answers there, before anything is saved. Network: never in a transaction."""
    client = HttpClient(allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=ASK_DEADLINE_S)
    return connector_class(platform)(Account(base_url=base_url, credentials=credentials), client).check()


@transaction.atomic
def connect(
    *,
    merchant_id: int,
    platform: str,
    name: str,
    base_url: str,
    credentials: Mapping[str, str],
    webhook_secrets: Sequence[str],
    shop: ShopInfo,
    by: str,
    at: datetime,
) -> Connection:
    """Save a shop that answered `ask`. Raises IntegrityError when the merchant has it already."""
    merchant = Merchant.objects.get(pk=merchant_id)
    connection = Connection.objects.create(
        merchant=merchant,
        platform=platform,
        name=name or shop.name,
        base_url=base_url,
        credentials=dict(credentials),  # type: ignore[misc]  # the field takes and gives objects
        webhook_secret={"secrets": list(webhook_secrets)},
        remote_id=shop.remote_id,
        shop_domain=shop.domain,
        currency=shop.currency,
        shop_time_zone=shop.timezone,
        last_success_at=at,
    )
    SyncSettings.objects.create(connection=connection)
    audit.record(
        merchant=merchant, kind="connection.connected", subject=connection.name, by=by, at=at, platform=platform
    )
    return connection


@transaction.atomic
def reconnect(
    *, connection_id: int, credentials: Mapping[str, str], webhook_secrets: Sequence[str] = (), by: str, at: datetime
) -> Connection:
    """New credentials for the same shop; everything that waited for them goes on."""
    connection = _locked(connection_id)
    connection.credentials = dict(credentials)
    connection.credential_version += 1
    if webhook_secrets:
        known = connection.webhook_secret.get("secrets", [])
        connection.webhook_secret = {"secrets": [*webhook_secrets, *known][:2]}
    _become(connection, ConnectionState.ACTIVE, "")
    connection.save(update_fields=["credentials", "credential_version", "webhook_secret"])
    _note(connection, "connection.reconnected", by, at)
    conditions.cleared(conditions.token_renewed(connection.pk))
    return connection


@transaction.atomic
def pause(*, connection_id: int, by: str, at: datetime) -> Connection:
    """Nothing is sent there until it is resumed."""
    connection = _locked(connection_id)
    _become(connection, ConnectionState.PAUSED, f"Paused by {by}.")
    _note(connection, "connection.paused", by, at)
    return connection


@transaction.atomic
def resume(*, connection_id: int, by: str, at: datetime) -> Connection:
    """End a pause; what waited for it goes on."""
    connection = _locked(connection_id)
    _become(connection, ConnectionState.ACTIVE, "")
    _note(connection, "connection.resumed", by, at)
    conditions.cleared(conditions.pause_lifted(connection.pk))
    return connection


@transaction.atomic
def disconnect(*, connection_id: int, by: str, at: datetime) -> Connection:
    """Forget the credentials. Orders that were going there are held and say so."""
    connection = _locked(connection_id)
    _become(connection, ConnectionState.REMOVED, f"Disconnected by {by}.")
    connection.credentials, connection.webhook_secret = {}, {}
    connection.credential_version += 1
    connection.save(update_fields=["credentials", "webhook_secret", "credential_version"])
    _note(connection, "connection.disconnected", by, at)
    for key in (conditions.token_renewed(connection.pk), conditions.pause_lifted(connection.pk)):
        conditions.cleared(key)
    return connection


@transaction.atomic
def auth_lost(*, connection_id: int, reason: str, at: datetime) -> None:
    """The token does not work any more: nothing is sent until the merchant reconnects."""
    _lose(connection_id, ConnectionState.AUTH_LOST, "connection.auth_lost", reason, at)


@transaction.atomic
def gone(*, connection_id: int, reason: str, at: datetime) -> None:
    """The shop is frozen, locked or deleted: paused until somebody resumes it."""
    _lose(connection_id, ConnectionState.PAUSED, "connection.gone", reason, at)


@transaction.atomic
def save_settings(*, connection_id: int, by: str, at: datetime, **chosen: bool) -> SyncSettings:
    """Change what the connection does with orders that have not been sent yet."""
    connection = _locked(connection_id)
    row = SyncSettings.objects.get(connection=connection)
    changed = {name: value for name, value in chosen.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=list(changed))
        _note(connection, "connection.settings", by, at, **changed)
    return row


def test(*, connection_id: int, at: datetime) -> ShopInfo:
    """Ask the shop who it is, and keep what it says. Network: never in a transaction."""
    connection = Connection.objects.get(pk=connection_id)
    try:
        shop = connector_for(connection, deadline_s=ASK_DEADLINE_S).check()
    except ConnectorError as error:
        Connection.objects.filter(pk=connection_id).update(last_failure_at=at, last_error=str(error)[:500])
        raise
    Connection.objects.filter(pk=connection_id).update(
        last_success_at=at, last_error="", currency=shop.currency, shop_time_zone=shop.timezone
    )
    return shop


def register_webhooks(*, connection_id: int, at: datetime) -> tuple[str, ...]:
    """Make sure that webhooks are delivered. Returns the topics that are missing. Network: never in a transaction."""
    connection = Connection.objects.get(pk=connection_id)
    try:
        state = connector_for(connection).register_webhooks(callback_url(connection))
    except ConnectorError as error:
        Connection.objects.filter(pk=connection_id).update(last_failure_at=at, last_error=str(error)[:500])
        return ("all",)
    Connection.objects.filter(pk=connection_id).update(webhooks_checked_at=at, webhook_topics=list(state.topics))
    return state.missing


def callback_url(connection: Connection) -> str:
    """Where the platform delivers this connection's webhooks."""
    path = reverse("connectors:webhook", args=[connection.platform, connection.public_id])
    return f"{settings.BASE_URL}{path}"


def _lose(connection_id: int, state: ConnectionState, kind: str, reason: str, at: datetime) -> None:
    connection = _locked(connection_id)
    if connection.state != ConnectionState.ACTIVE:
        return
    _become(connection, state, reason)
    Connection.objects.filter(pk=connection_id).update(last_failure_at=at, last_error=reason[:500])
    _note(connection, kind, STOREWARD, at)


def _locked(connection_id: int) -> Connection:
    rows = Connection.objects.select_for_update(of=("self",)).select_related("merchant")
    return rows.get(pk=connection_id)


def _become(connection: Connection, state: ConnectionState, reason: str) -> None:
    connection.state, connection.state_reason = state, reason[:300]
    connection.save(update_fields=["state", "state_reason"])


def _note(connection: Connection, kind: str, by: str, at: datetime, **data: Any) -> None:
    audit.record(merchant=connection.merchant, kind=kind, subject=connection.name, by=by, at=at, **data)
