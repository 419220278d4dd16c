"""Webhooks in: verify the raw body, store one row, wake a worker, answer. Nothing is believed and nothing is done here."""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from logging import getLogger

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from connectors.credentials import CredentialsUnreadableError
from connectors.errors import BadSignatureError
from connectors.gateway import registry as gateways
from connectors.models import Connection, ConnectionState, InboundEvent
from connectors.registry import connector_class
from connectors.services import apps, privacy, webhook_versions
from connectors.services.clients import account_of
from connectors.shopify import privacy as shopify

logger = getLogger(__name__)

MAX_BYTES = 1_000_000


@csrf_exempt
@login_not_required
@require_POST
def receive(request: HttpRequest, platform: str, public_id: str) -> HttpResponse:
    """A store or supplier says that something happened. 401 and no row when it is not from this connection's shop.

    A greeting that says nothing is answered 200 and leaves no row either.
    """
    connection = get_object_or_404(Connection, platform=platform, public_id=public_id)
    if connection.state == ConnectionState.REMOVED:
        return HttpResponse(status=410)
    try:
        body = body_of(request)
    except BodyRefusedError as refusal:
        return HttpResponse(status=refusal.status)
    try:
        notice = connector_class(platform).parse_webhook(
            headers=request.headers,
            body=body,
            secrets=_secrets(connection),
            account=account_of(connection),
        )
    except BadSignatureError as error:
        logger.warning("webhook refused", extra={"connection_id": connection.pk, "why": str(error)})
        return HttpResponse(status=401)
    except CredentialsUnreadableError:
        logger.exception("webhook not verified", extra={"connection_id": connection.pk})
        return HttpResponse(status=503)  # the shop delivers again
    if notice is None:
        return HttpResponse(status=200)
    webhook_versions.note(connection, notice)
    event = InboundEvent(
        connection=connection,
        event_id=notice.event_id[:200],
        topic=notice.topic[:80],
        remote_order_id=notice.remote_order_id[:200],
        reference=notice.reference[:120],
    )
    return _store(event, body, notice.occurred_at)


@csrf_exempt
@login_not_required
@require_POST
def receive_gateway(request: HttpRequest, name: str) -> HttpResponse:
    """A payment gateway says that something happened to a payment."""
    if name not in gateways.names():
        return HttpResponse(status=404)
    try:
        body = body_of(request)
    except BodyRefusedError as refusal:
        return HttpResponse(status=refusal.status)
    try:
        notice = gateways.get(name).parse_webhook(headers=request.headers, body=body, at=timezone.now())
    except BadSignatureError as error:
        logger.warning("webhook refused", extra={"gateway": name, "why": str(error)})
        return HttpResponse(status=401)
    event = InboundEvent(
        gateway=name,
        event_id=notice.event_id[:200],
        topic=notice.topic[:80],
        remote_order_id=notice.reference[:200],
    )
    return _store(event, body, notice.occurred_at)


@csrf_exempt
@login_not_required
@require_POST
def receive_privacy(request: HttpRequest) -> HttpResponse:
    """Shopify asks for personal data, or to remove it; one address for all shops of our app."""
    try:
        body = body_of(request)
    except BodyRefusedError as refusal:
        return HttpResponse(status=refusal.status)
    try:
        notice = shopify.parse(headers=request.headers, body=body, secrets=settings.SHOPIFY_APP_SECRETS)
    except BadSignatureError as error:
        logger.warning("privacy webhook refused", extra={"why": str(error)})
        return HttpResponse(status=401)
    privacy.store(notice, digest=sha256(body).hexdigest(), at=timezone.now())
    return HttpResponse(status=200)


class BodyRefusedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def body_of(request: HttpRequest) -> bytes:
    """The raw bytes. Their number must be declared: what comes in chunks is refused with 411, too many with 413."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if not declared:
        raise BodyRefusedError(411)
    if not re.fullmatch("[0-9]{1,20}", declared):
        raise BodyRefusedError(400)
    if int(declared) > MAX_BYTES:
        raise BodyRefusedError(413)
    try:
        return request.body
    except UnreadablePostError:  # it broke off
        raise BodyRefusedError(400) from None


def _secrets(connection: Connection) -> list[str]:
    own = [secret for secret in connection.webhook_secret.get("secrets", []) if secret]
    return [*own, *apps.webhook_secrets(connection)]


def _store(event: InboundEvent, body: bytes, occurred_at: datetime | None) -> HttpResponse:
    """One INSERT; a repeat runs into the unique key and is answered like the first."""
    event.body_digest = sha256(body).hexdigest()
    event.occurred_at, event.received_at = occurred_at, timezone.now()
    try:
        with transaction.atomic():
            event.save(force_insert=True)
            transaction.on_commit(lambda: async_task(settings.INBOUND_TASK, event.pk), robust=True)
    except IntegrityError:
        logger.info("webhook repeated", extra={"topic": event.topic, "event_id": event.event_id})
    return HttpResponse(status=200)
