"""A connection row -> its driver, with an HTTP client that is kept per thread and logs every call."""

from __future__ import annotations

import threading
from datetime import datetime

from django.conf import settings

from connectors.base import Account, Connector
from connectors.http import CallRecord, HttpClient
from connectors.models import CallLog, Connection
from connectors.registry import connector_class

_KEPT_AT_MOST = 200  # clients per thread; each may hold an open socket
_local = threading.local()


def connector_for(connection: Connection, *, deadline_s: float | None = None) -> Connector:
    """The driver for one connection. The client's sockets stay open until its credentials change."""
    client = _client(connection, deadline_s or settings.HTTP_DEADLINE_S)
    return connector_class(connection.platform)(account_of(connection), client)


def account_of(connection: Connection) -> Account:
    """What a driver needs to know of the row."""
    return Account(
        base_url=connection.base_url,
        credentials=connection.credentials,
        currency=connection.currency,
        remote_id=connection.remote_id,
        shop_domain=connection.shop_domain,
    )


def prune(*, before: datetime) -> int:
    """Delete call records older than `before`."""
    return CallLog.objects.filter(at__lt=before).delete()[0]


def _client(connection: Connection, deadline_s: float) -> HttpClient:
    clients: dict[tuple[int, int, float], HttpClient] = _local.__dict__.setdefault("clients", {})
    key = (connection.pk, connection.credential_version, deadline_s)
    if key not in clients:
        if len(clients) >= _KEPT_AT_MOST:
            clients.pop(next(iter(clients))).close()
        clients[key] = HttpClient(
            allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=deadline_s, on_call=_Log(connection.pk)
        )
    return clients[key]


class _Log:
    """Writes one CallLog row per call."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id

    def __call__(self, record: CallRecord) -> None:
        CallLog.objects.create(
            connection_id=self._connection_id,
            at=record.at,
            method=record.method,
            url=record.url[:300],
            operation=record.operation[:80],
            status=record.status,
            outcome=record.outcome[:30],
            request_id=record.request_id[:100],
            duration_ms=record.duration_ms,
        )
