"""Requests about personal data, stored once per connection to the shop that they come from.

What they do to orders is done by orders.services.privacy, which the inbound task calls.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django_q.tasks import async_task

from accounts.services import audit
from connectors import conditions
from connectors.models import (
    CallLog,
    CatalogReading,
    CatalogVariant,
    Connection,
    ConnectionState,
    InboundEvent,
    LinkImport,
    Location,
    PrivacyRequest,
    ProductLink,
    UnlinkedSku,
)
from connectors.models.privacy import PrivacyTopic
from connectors.services import connections
from connectors.shopify import privacy as shopify
from connectors.shopify.privacy import PrivacyNotice

SHOPIFY = "Shopify"

_TOPICS = {
    shopify.DATA_REQUEST: PrivacyTopic.DATA_REQUEST,
    shopify.CUSTOMER_REDACT: PrivacyTopic.CUSTOMER_REDACT,
    shopify.SHOP_REDACT: PrivacyTopic.SHOP_REDACT,
}

logger = logging.getLogger(__name__)


@transaction.atomic
def store(notice: PrivacyNotice, *, digest: str, at: datetime) -> int:
    """One request and one event per connection to the shop, disconnected ones too. Returns how many are new."""
    shops = Connection.objects.filter(platform="shopify", shop_domain__iexact=notice.shop_domain).order_by("pk")
    new = [connection for connection in shops if _store(connection, notice, digest=digest, at=at)]
    if not shops:
        logger.info("privacy request for a shop without connection", extra={"topic": notice.topic})
    return len(new)


def request_of(event: InboundEvent) -> PrivacyRequest | None:
    """The request that an event carries out; None for an event about something else."""
    if event.topic not in _TOPICS or event.connection_id is None:
        return None
    rows = PrivacyRequest.objects.select_related("connection__merchant")
    return rows.filter(connection_id=event.connection_id, event_id=event.event_id).first()


@transaction.atomic
def forget_shop(*, connection_id: int, asked_at: datetime, at: datetime) -> bool:
    """Disconnect, and keep nothing of the shop but the name that its orders show. Safe to repeat.

    False, and nothing is done, when the shop was connected again after the uninstall that it is about.
    """
    connection = Connection.objects.select_for_update().get(pk=connection_id)
    if connection.state != ConnectionState.REMOVED and _is_back(connection, asked_at - shopify.REDACTED_AFTER):
        return False
    if connection.state != ConnectionState.REMOVED:
        connections.disconnect(connection_id=connection_id, by=SHOPIFY, at=at)
    for rows in (ProductLink, UnlinkedSku, LinkImport, CatalogVariant, CatalogReading, Location, CallLog):
        rows.objects.filter(connection_id=connection_id).delete()
    Connection.objects.filter(pk=connection_id).update(
        base_url="", shop_domain="", remote_id="", shop_settings={}, shop_time_zone="", last_error="", api_warning="",
        webhook_version="",
        webhook_topics=[], missing_scopes=[],
    )  # fmt: skip
    conditions.cleared(conditions.token_renewed(connection_id))
    return True


def is_connected_anew(connection_id: int) -> bool:
    """Whether the merchant has another connection to the shop that this one was to. Before the shop is forgotten."""
    connection = Connection.objects.get(pk=connection_id)
    others = Connection.objects.of(connection.merchant).standing().own().exclude(pk=connection_id)
    return others.filter(platform=connection.platform, shop_domain__iexact=connection.shop_domain).exists()


def unfinished_shops() -> QuerySet[PrivacyRequest]:
    """Requests to forget a shop that is forgotten already, but for some orders that were placed there."""
    rows = PrivacyRequest.objects.filter(topic=PrivacyTopic.SHOP_REDACT, done_at=None)
    return rows.filter(connection__state=ConnectionState.REMOVED, connection__base_url="").order_by("pk")


def _is_back(connection: Connection, uninstalled_at: datetime) -> bool:
    return connection.connected_at is not None and connection.connected_at > uninstalled_at


@transaction.atomic
def done(request: PrivacyRequest, *, orders: int, at: datetime, kept: str = "") -> None:
    """Write down that a request was honoured, or why not, with its line in the audit trail. The second time does nothing."""
    rows = PrivacyRequest.objects.filter(pk=request.pk, done_at=None)
    if not rows.update(done_at=at, orders_found=orders):
        return
    audit.record(
        merchant=request.connection.merchant,
        kind=f"privacy.{request.topic}",
        subject=request.connection.name,
        by=SHOPIFY,
        at=at,
        request=request.public_id,
        orders=orders,
        **({"kept": kept} if kept else {}),
    )


def _store(connection: Connection, notice: PrivacyNotice, *, digest: str, at: datetime) -> bool:
    _, is_new = PrivacyRequest.objects.get_or_create(
        connection=connection,
        event_id=notice.event_id,
        defaults={
            "topic": _TOPICS[notice.topic],
            "remote_id": notice.remote_id,
            "remote_customer_id": notice.remote_customer_id,
            "remote_order_ids": list(notice.remote_order_ids),
            "triggered_at": notice.triggered_at,
            "received_at": at,
        },
    )
    if is_new:
        event = InboundEvent.objects.create(
            connection=connection,
            event_id=notice.event_id,
            topic=notice.topic,
            body_digest=digest,
            received_at=at,
        )
        transaction.on_commit(lambda: async_task(settings.INBOUND_TASK, event.pk), robust=True)
    return is_new
