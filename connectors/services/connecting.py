"""Letting Storeward in: ask who answers, save then, set up webhooks last. The same for a page and for the API.

Network: never in a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError

from accounts.models import Merchant
from connectors.account import ConnectField, Entry
from connectors.credentials import readable
from connectors.errors import ConnectorError, CredentialsError, MovedError
from connectors.models import Connection
from connectors.registry import connector_class
from connectors.services import connections, suppliers
from connectors.services.connections import StateRefused

TAKEN = "This store is connected already."
ADDRESSES = ("base_url", "host", "email")  # fields that say where the other side is


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection that stands now. `warnings` are for people: what it lacks."""

    connection: Connection
    warnings: tuple[str, ...]


def establish(*, merchant_id: int, entry: Entry, platform: str, name: str, by: str, at: datetime) -> Connected:
    """Raises ConnectorError, ServerKeyError among them, or IntegrityError for one that is there."""
    shop = connections.ask(platform=platform, base_url=entry.base_url, credentials=entry.credentials)
    connection = connections.connect(
        merchant_id=merchant_id,
        platform=platform,
        name=name,
        base_url=entry.base_url,
        credentials=entry.credentials,
        webhook_secrets=entry.webhook_secrets,
        shop=shop,
        by=by,
        at=at,
    )
    warnings = []
    if shop.missing_scopes:
        warnings.append(f"The token lacks permissions that are needed: {', '.join(shop.missing_scopes)}.")
    currency = Merchant.objects.values_list("currency", flat=True).get(pk=merchant_id)
    if connection.currency != currency and not suppliers.is_supplier(connection):
        warnings.append(f"The store sells in {connection.currency}: orders in another currency will be blocked.")
    return Connected(connection, (*warnings, *_set_up_webhooks(connection, at)))


def reestablish(connection: Connection, entry: Entry, *, moved_to: str = "", by: str, at: datetime) -> Connected:
    """`moved_to` is the other address that was confirmed.

    Raises ConnectorError, MovedError and ServerKeyError among them, StateRefused when it cannot be, or IntegrityError
    for an address that is connected already.
    """
    has_book = connector_class(connection.platform).capabilities.desk
    base_url = entry.base_url if has_book else connection.base_url
    shop = connections.ask(platform=connection.platform, base_url=base_url, credentials=entry.credentials)
    is_moved = shop.remote_id != connection.remote_id
    if is_moved and not has_book:
        raise StateRefused(f"These credentials belong to another store: {shop.name}.")
    if is_moved and shop.remote_id != moved_to:
        connections.refuse_to_move(connection)
        raise MovedError(shop.remote_id)
    changed = connections.reconnect(
        connection_id=connection.pk,
        credentials=entry.credentials,
        webhook_secrets=entry.webhook_secrets,
        shop=shop,
        moved_to=base_url if is_moved else "",
        by=by,
        at=at,
    )
    return Connected(changed, _set_up_webhooks(changed, at))  # uninstalling the app took them away


def with_known_server(connection: Connection, entry: Entry) -> Entry:
    """The key that was confirmed stays so, where there is one and the server is the same."""
    given = connection.credentials if readable(connection.credentials) else {}
    known = given.get("server_key")
    is_same = all(given.get(name) == entry.credentials.get(name) for name in ("host", "port"))
    return confirmed(entry, known) if known and is_same else entry


def confirmed(entry: Entry, server_key: str) -> Entry:
    """With the key that the server is known by."""
    return replace(entry, credentials={**entry.credentials, "server_key": server_key})


def blamed(
    fields: tuple[ConnectField, ...], error: ConnectorError | StateRefused | IntegrityError
) -> tuple[str | None, str]:
    """The field that is wrong, None for the whole, and why in words.

    It is the one that the error names, the first secret when it was refused, else the address.
    """
    text = TAKEN if isinstance(error, IntegrityError) else str(error)
    found = [field.name for field in fields if field.name in ADDRESSES]
    if isinstance(error, CredentialsError):
        found = [error.field] if error.field else [field.name for field in fields if field.kind == "secret"]
    return (found[0] if found and not isinstance(error, StateRefused) else None), text


def _set_up_webhooks(connection: Connection, at: datetime) -> tuple[str, ...]:
    if connections.register_webhooks(connection_id=connection.pk, at=at):
        return ("Webhooks could not be set up yet. Changes are found by asking the store regularly.",)
    return ()
