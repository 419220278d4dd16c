"""The life of a connection: connect, reconnect, pause, resume, disconnect, and what the outside tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import Merchant
from accounts.services import audit
from connectors import conditions
from connectors import credentials as secrets
from connectors.base import Account, Connector, ShopInfo
from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.models import Connection, ConnectionState, PurchaseState, SyncSettings
from connectors.models.connection import ConnectionQuerySet
from connectors.registry import connector_class
from connectors.services import partners
from connectors.services.clients import connector_for

STOREWARD = "Storeward"
NAME_MAX = 120
ASK_DEADLINE_S = 10.0  # a person is waiting
SETTINGS_FRESH = timedelta(minutes=15)  # tax rates; an order created by stale ones is seen when it is read back
_STANDING = (ConnectionState.ACTIVE, ConnectionState.PAUSED, ConnectionState.AUTH_LOST)


class StateRefused(Exception):
    """The connection is not in a state for it; the text says so to the merchant."""


@dataclass(frozen=True, slots=True)
class Access:
    """How credentials came, and how long they live; None: they do not run out."""

    by_app: bool = False
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None

    def write_on(self, connection: Connection) -> None:
        connection.by_app = self.by_app
        connection.token_expires_at, connection.refresh_expires_at = self.expires_at, self.refresh_expires_at
        connection.refresh_not_before = None


TYPED = Access()
_ACCESS_FIELDS = ("by_app", "token_expires_at", "refresh_expires_at", "refresh_not_before")


def ask(*, platform: str, base_url: str, credentials: Mapping[str, str]) -> ShopInfo:
    """Find out who answers there, before anything is saved. Network: never in a transaction."""
    account = Account(base_url=base_url, credentials=credentials)
    with closing(HttpClient(allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=ASK_DEADLINE_S)) as client:
        return connector_class(platform)(account, client).check()


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
    access: Access = TYPED,
    by: str,
    at: datetime,
) -> Connection:
    """Save a shop that answered `ask`; the first one is the default destination.

    Raises IntegrityError when the merchant has it already.
    """
    merchant = Merchant.objects.select_for_update().get(pk=merchant_id)  # of two at once one is the first
    connection = Connection(
        merchant=merchant,
        platform=platform,
        name=(name or shop.name)[:NAME_MAX],
        base_url=base_url,
        credentials=dict(credentials),  # type: ignore[misc]  # the field takes and gives objects
        webhook_secret={"secrets": list(webhook_secrets)},
        remote_id=shop.remote_id,
        shop_domain=shop.domain,
        currency=shop.currency,
        shop_time_zone=shop.timezone,
        shop_settings=dict(shop.settings),
        shop_settings_at=at,
        connected_at=at,
        missing_scopes=list(shop.missing_scopes),
        last_success_at=at,
        is_default=not _destinations(merchant).exists(),
    )
    access.write_on(connection)
    connection.save(force_insert=True)
    SyncSettings.objects.create(connection=connection)
    audit.record(
        merchant=merchant, kind="connection.connected", subject=connection.name, by=by, at=at, platform=platform
    )
    return connection


def welcome(connection: Connection) -> str:
    """What a merchant is told of a store that is connected now."""
    if connection.is_default:
        return f"{connection.name} is connected. New orders go there once they are confirmed."
    return (
        f"{connection.name} is connected. It takes the lines that a routing rule or a product link sends there; "
        "all others go to your default destination."
    )


@transaction.atomic
def reconnect(
    *,
    connection_id: int,
    credentials: Mapping[str, str],
    webhook_secrets: Sequence[str] = (),
    access: Access = TYPED,
    shop: ShopInfo | None = None,
    moved_to: str = "",
    by: str,
    at: datetime,
) -> Connection:
    """New credentials for the same shop, which also ends a pause; everything that waited for either goes on.

    `shop` is what it says of itself now; None where it was not asked: nothing is known of its permissions then.
    `moved_to` is the new base URL of a supplier with a book here that a person recognized at another address.
    Raises StateRefused when it is disconnected or cannot move now, IntegrityError when the merchant has that address
    under another connection.
    """
    connection = _locked(connection_id, *_STANDING)
    if moved_to and shop:
        _move(connection, shop, moved_to, by=by, at=at)
    connection.credentials = dict(credentials)
    connection.credential_version += 1
    if webhook_secrets:
        known = connection.webhook_secret.get("secrets", []) if secrets.readable(connection.webhook_secret) else []
        connection.webhook_secret = {"secrets": list(dict.fromkeys([*webhook_secrets, *known]))[:2]}
    access.write_on(connection)
    connection.connected_at = at
    told = _told(shop, at) if shop else {"missing_scopes": []}
    for name, value in told.items():
        setattr(connection, name, value)
    _become(connection, ConnectionState.ACTIVE, "")
    changed = ["credentials", "credential_version", "webhook_secret", "connected_at"]
    connection.save(update_fields=[*changed, *told, *_ACCESS_FIELDS])
    _note(connection, "connection.reconnected", by, at)
    _let_go(connection)
    return connection


def refuse_to_move(connection: Connection) -> None:
    """Raises StateRefused while a purchase order may be at the old address: nobody would look for it there any more."""
    under_way = (PurchaseState.SENDING, PurchaseState.UPLOADING)
    row = connection.purchase_orders.filter(state__in=under_way).order_by("pk").first()
    if row is not None:
        raise StateRefused(
            f"PO {row.reference} is on its way to the old address, or nobody knows whether it arrived there. "
            "Settle it on the connection's page first."
        )


def _move(connection: Connection, shop: ShopInfo, base_url: str, *, by: str, at: datetime) -> None:
    refuse_to_move(connection)
    before, connection.remote_id = connection.remote_id, shop.remote_id
    connection.base_url, connection.shop_domain = base_url, shop.domain
    connection.save(update_fields=["remote_id", "base_url", "shop_domain"])
    _note(connection, "connection.moved", by, at, before=before, after=shop.remote_id)


@transaction.atomic
def pause(*, connection_id: int, by: str, at: datetime) -> Connection:
    """Nothing is sent there until it is resumed. Raises StateRefused when it is not connected."""
    connection = _locked(connection_id, ConnectionState.ACTIVE)
    _become(connection, ConnectionState.PAUSED, f"Paused by {by}.")
    _note(connection, "connection.paused", by, at)
    return connection


@transaction.atomic
def resume(*, connection_id: int, by: str, at: datetime) -> Connection:
    """End a pause; what waited for it goes on. Raises StateRefused when there is none."""
    connection = _locked(connection_id, ConnectionState.PAUSED)
    _become(connection, ConnectionState.ACTIVE, "")
    _note(connection, "connection.resumed", by, at)
    conditions.cleared(conditions.pause_lifted(connection.pk))
    return connection


@transaction.atomic
def disconnect(*, connection_id: int, by: str, at: datetime) -> Connection:
    """Forget the credentials. Orders that were going there are held and say so. Raises StateRefused the second time.

    A default destination that goes has no heir, unless a single destination is left: nobody else can choose one.
    """
    connection = _locked(connection_id, *_STANDING)
    was_default, connection.is_default = connection.is_default, False
    connection.save(update_fields=["is_default"])
    _become(connection, ConnectionState.REMOVED, f"Disconnected by {by}.")
    connection.credentials, connection.webhook_secret = {}, {}
    connection.credential_version += 1
    TYPED.write_on(connection)
    connection.save(update_fields=["credentials", "webhook_secret", "credential_version", *_ACCESS_FIELDS])
    left = list(_destinations(connection.merchant)[:2])
    if was_default and len(left) == 1:
        Connection.objects.filter(pk=left[0].pk).update(is_default=True)
    _note(connection, "connection.disconnected", by, at)
    partners.end_all_through(connection, by=by, at=at)
    _let_go(connection)
    return connection


@transaction.atomic
def set_default(*, connection_id: int, by: str, at: datetime) -> Connection:
    """Make a destination the one that takes what nothing else sends elsewhere; lines that went nowhere are routed.

    Raises Connection.DoesNotExist for one that is no standing destination.
    """
    connection = _locked(connection_id)
    if not _destinations(connection.merchant).filter(pk=connection_id).exists():
        raise Connection.DoesNotExist
    if not connection.is_default:
        Merchant.objects.select_for_update().get(pk=connection.merchant_id)  # one chooses at a time
        Connection.objects.filter(merchant=connection.merchant, is_default=True).update(is_default=False)
        connection.is_default = True
        connection.save(update_fields=["is_default"])
        _note(connection, "connection.default", by, at)
    conditions.cleared(conditions.routing_changed(connection.merchant_id))
    return connection


@transaction.atomic
def auth_lost(*, connection_id: int, reason: str, at: datetime, credential_version: int | None = None) -> bool:
    """The token does not work any more: nothing is sent until the merchant reconnects. False when that was known.

    `credential_version` is the one that was refused: nothing happens when it has been replaced meanwhile.
    """
    return _lose(
        connection_id, ConnectionState.AUTH_LOST, "connection.auth_lost", reason, at, version=credential_version
    )


@transaction.atomic
def gone(*, connection_id: int, reason: str, at: datetime) -> bool:
    """The shop is frozen, locked or deleted: paused until somebody resumes it. False when it was shut already."""
    return _lose(connection_id, ConnectionState.PAUSED, "connection.gone", reason, at)


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
    connector = connector_for(connection, deadline_s=ASK_DEADLINE_S)
    try:
        shop = connector.check()
    except ConnectorError as error:
        Connection.objects.filter(pk=connection_id).update(last_failure_at=at, last_error=str(error)[:500])
        raise
    warning = connector.warning[:300]
    Connection.objects.filter(pk=connection_id).update(
        last_success_at=at, last_error="", api_warning=warning, **_told(shop, at)
    )
    return shop


def refreshed(connection: Connection, connector: Connector, *, at: datetime) -> Connection:
    """The connection with its shop's settings as fresh as preflight needs them. Network: never in a transaction.

    Asks at most once in SETTINGS_FRESH, and only a shop whose driver goes by its settings.
    """
    known = connection.shop_settings_at
    if not connector.capabilities.settings or (known and at - known < SETTINGS_FRESH):
        return connection
    Connection.objects.filter(pk=connection.pk).update(**_told(connector.check(), at))
    return Connection.objects.select_related("sync_settings").get(pk=connection.pk)


def register_webhooks(*, connection_id: int, at: datetime) -> tuple[str, ...]:
    """Make sure that webhooks are delivered. Returns the topics that are missing. Network: never in a transaction."""
    connection = Connection.objects.get(pk=connection_id)
    try:
        connector = connector_for(connection, deadline_s=ASK_DEADLINE_S)
        state = connector.register_webhooks(callback_url(connection), channel=connection.is_channel)
    except ConnectorError as error:
        Connection.objects.filter(pk=connection_id).update(last_failure_at=at, last_error=str(error)[:500])
        return ("all",)
    if state.secret:
        _keep_secret(connection_id, state.secret)
    Connection.objects.filter(pk=connection_id).update(
        webhooks_checked_at=at, webhook_topics=list(state.topics), api_warning=connector.warning[:300]
    )
    return state.missing


@transaction.atomic
def _keep_secret(connection_id: int, secret: str) -> None:
    """Beside the one before: what was signed with that may still be on its way."""
    connection = _locked(connection_id)
    known = connection.webhook_secret.get("secrets", [])
    connection.webhook_secret = {"secrets": [secret, *known][:2]}
    connection.save(update_fields=["webhook_secret"])


def callback_url(connection: Connection) -> str:
    """Where the platform delivers this connection's webhooks."""
    path = reverse("connectors:webhook", args=[connection.platform, connection.public_id])
    return f"{settings.BASE_URL}{path}"


def _told(shop: ShopInfo, at: datetime) -> dict[str, Any]:
    """What a shop says of itself, as columns."""
    return {
        "currency": shop.currency,
        "shop_time_zone": shop.timezone,
        "shop_settings": dict(shop.settings),
        "shop_settings_at": at,
        "missing_scopes": list(shop.missing_scopes),
    }


def _lose(
    connection_id: int, state: ConnectionState, kind: str, reason: str, at: datetime, *, version: int | None = None
) -> bool:
    connection = _locked(connection_id)
    if connection.state != ConnectionState.ACTIVE or version not in (None, connection.credential_version):
        return False
    _become(connection, state, reason)
    Connection.objects.filter(pk=connection_id).update(last_failure_at=at, last_error=reason[:500])
    _note(connection, kind, STOREWARD, at)
    return True


def _destinations(merchant: Merchant) -> ConnectionQuerySet:
    """Those that can be the default one: a partner's takes nothing but what is shared."""
    return Connection.objects.of(merchant).standing().own().filter(is_destination=True)


def _locked(connection_id: int, *states: ConnectionState) -> Connection:
    """Fresh and under its lock. Raises StateRefused when it is in none of `states`; without any, all will do."""
    rows = Connection.objects.select_for_update(of=("self",)).select_related("merchant")
    connection = rows.get(pk=connection_id)
    if states and connection.state not in states:
        raise StateRefused(f"{connection.name}: {connection.get_state_display().lower()}. Nothing was changed.")
    return connection


def _become(connection: Connection, state: ConnectionState, reason: str) -> None:
    connection.state, connection.state_reason = state, reason[:300]
    connection.save(update_fields=["state", "state_reason"])


def _let_go(connection: Connection) -> None:
    for key in (conditions.token_renewed(connection.pk), conditions.pause_lifted(connection.pk)):
        conditions.cleared(key)


def _note(connection: Connection, kind: str, by: str, at: datetime, **data: Any) -> None:
    audit.record(merchant=connection.merchant, kind=kind, subject=connection.name, by=by, at=at, **data)
