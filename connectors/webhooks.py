"""Webhooks in: verify the raw body, store one row, wake a worker, answer. Nothing is believed and nothing is done here."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from logging import getLogger

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from connectors.errors import BadSignatureError
from connectors.gateway import registry as gateways
from connectors.models import Connection, ConnectionState, InboundEvent
from connectors.registry import connector_class
from connectors.services.clients import account_of

logger = getLogger(__name__)

MAX_BYTES = 1_000_000


@csrf_exempt
@login_not_required
@require_POST
def receive(request: HttpRequest, platform: str, public_id: str) -> HttpResponse:
    """A store or supplier says that something happened. 401 and no row when it is not from this connection's shop."""
    connection = get_object_or_404(Connection, platform=platform, public_id=public_id)
    if connection.state == ConnectionState.REMOVED:
        return HttpResponse(status=410)
    body = _body(request)
    if body is None:
        return HttpResponse(status=413)
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
    body = _body(request)
    if body is None:
        return HttpResponse(status=413)
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


def _body(request: HttpRequest) -> bytes | None:
    """The raw bytes; None when there are too many."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        return None
    try:
        body = request.body
    except RequestDataTooBig:
        return None
    return body if len(body) <= MAX_BYTES else None


def _secrets(connection: Connection) -> list[str]:
    return [secret for secret in connection.webhook_secret.get("secrets", []) if secret]


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
