"""A connection row -> its driver, with an HTTP client that is kept per thread and logs every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils import timezone

from connectors.base import Account, Connector
from connectors.errors import RetryableError
from connectors.http import Answer, CallRecord, HttpClient
from connectors.models import CatalogVariant, Connection, ConnectionState, SyncSettings
from connectors.partner import partner_class
from connectors.registry import connector_class
from connectors.services import oauth
from connectors.services.calls import Log
from connectors.services.desk import BookDesk
from connectors.services.pacing import Counter

_KEPT_AT_MOST = 200  # clients per thread; each may hold an open socket
_UNAUTHORIZED = 401
_TRIED_WITHIN_S = 300.0  # shorter than any access lives: one that ran out since is renewed again
_local = threading.local()
_renewed: dict[str, tuple[str, float]] = {}  # per process: a connection's access that a refused change led to, and when


def connector_for(connection: Connection, *, deadline_s: float | None = None) -> Connector:
    """The driver for one connection. This thread's sockets to it stay open until its credentials change.

    For one that stands for a partner's it is the partner's, with what a partner may not see or do taken away.
    """
    if connection.source_id is not None:
        return _partners_driver(connection, deadline_s)
    kept = _kept(connection, deadline_s or settings.HTTP_DEADLINE_S)
    return connector_class(connection.platform)(_account(connection, kept), kept.client)


def account_of(connection: Connection) -> Account:
    """What a driver needs to know of the row."""
    can = connector_class(connection.platform).capabilities
    return Account(
        base_url=connection.base_url,
        credentials=connection.credentials,
        currency=connection.currency,
        remote_id=connection.remote_id,
        shop_domain=connection.shop_domain,
        missing_scopes=tuple(connection.missing_scopes),
        settings=connection.shop_settings,
        webhook_secret=connection.webhook_secret,
        tracking_key=_tracking_key(connection) if can.tracking_key else "",
        desk=BookDesk(connection.pk) if can.desk else None,
    )


def _tracking_key(connection: Connection) -> str:
    """As it is now: the row may have been read before it was changed."""
    chosen = SyncSettings.objects.filter(connection=connection).values_list("tracking_key", flat=True)
    return chosen.first() or ""


def _partners_driver(connection: Connection, deadline_s: float | None) -> Connector:
    source = Connection.objects.get(pk=connection.source_id or 0)
    kept = _kept(source, deadline_s or settings.HTTP_DEADLINE_S)
    shared = CatalogVariant.objects.filter(connection=connection).values_list("variant_id", flat=True)
    driver = partner_class(connector_class(source.platform))(_account(source, kept), kept.client)
    driver.shared = frozenset(shared)
    driver.ended = "" if connection.state != ConnectionState.REMOVED else connection.state_reason or "It has ended."
    return driver


def _account(connection: Connection, kept: _Kept) -> Account:
    account = account_of(connection)
    return account if kept.access is None else replace(account, credentials=kept.access)


class Access(Mapping[str, str]):
    """The credentials of one connection as they are now; they are read when somebody looks into them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> str:
        value: str = self._connection.credentials[name]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._connection.credentials)

    def __len__(self) -> int:
        return len(self._connection.credentials)

    def __repr__(self) -> str:
        return "<secrets>"

    def after_refusal(self, headers: Mapping[str, str]) -> Mapping[str, str] | None:
        """The same headers with the access that follows; None when there is none.

        Raises RetryableError when it could not be renewed just now.
        """
        refused = self["access_token"]
        if not any(refused in value for value in headers.values()):
            return None
        fresh = oauth.renew(
            connection_id=self._connection.pk,
            refused_version=self._connection.credential_version,
            at=timezone.now(),
        )
        if fresh is None:
            return None
        self._connection = fresh
        return {name: value.replace(refused, self["access_token"]) for name, value in headers.items()}

    def expect_to_work(self) -> None:
        """Remember that a change goes out again with this access, whichever client sends it."""
        _renewed[self._connection.public_id] = (self["access_token"], time.monotonic())

    def is_refused_anew(self) -> bool:
        """A change was refused with it a moment after its renewal: one more renewal would mend nothing."""
        token, at_s = _renewed.get(self._connection.public_id, ("", 0.0))
        return token == self["access_token"] and time.monotonic() - at_s < _TRIED_WITHIN_S


class RenewingClient(HttpClient):
    """Renews the access when a platform answers 401: nothing has been done there then.

    A read is asked once more at once. A change raises RetryableError instead: the refusal and the renewal took time,
    and whoever sends a change marks it right before it leaves. The horizon is counted from that mark.
    """

    def __init__(self, access: Access, **options: Any) -> None:
        super().__init__(**options)
        self._access = access

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, changes: bool, **rest: Any
    ) -> Answer:
        answer = super().request(method, url, headers=headers, changes=changes, **rest)
        if answer.status != _UNAUTHORIZED or (changes and self._access.is_refused_anew()):
            return answer
        again = self._access.after_refusal(headers or {})
        if again is None:
            return answer
        if changes:
            self._access.expect_to_work()
            raise RetryableError("Its access had run out and was renewed just now: try again.", throttled=True)
        return super().request(method, url, headers=again, changes=changes, **rest)


@dataclass(frozen=True, slots=True)
class _Kept:
    credential_version: int
    client: HttpClient
    access: Access | None  # of a connection whose access runs out


def _kept(connection: Connection, deadline_s: float) -> _Kept:
    kept: dict[tuple[str, float], _Kept] = _local.__dict__.setdefault("kept", {})
    key = (connection.public_id, deadline_s)  # a database that was restored gives a row's number out again
    found = kept.pop(key, None)
    if found is None or found.credential_version != connection.credential_version:
        if found is not None:
            found.client.close()
        found = _new(connection, deadline_s)
    kept[key] = found  # last in the row: what was used longest ago goes first
    while len(kept) > _KEPT_AT_MOST:
        kept.pop(next(iter(kept))).client.close()
    return found


def _on_call(connection: Connection) -> Callable[[CallRecord], None]:
    log, count = Log(connection.pk), Counter(connection.pk)
    if connector_class(connection.platform).pace is None:
        return log

    def both(record: CallRecord) -> None:
        log(record)
        count(record)

    return both


def _new(connection: Connection, deadline_s: float) -> _Kept:
    options = {
        "allow_loopback": settings.ALLOW_LOOPBACK,
        "deadline_s": deadline_s,
        "on_call": _on_call(connection),
    }
    if connection.token_expires_at is None:
        return _Kept(connection.credential_version, HttpClient(**options), None)
    access = Access(connection)
    return _Kept(connection.credential_version, RenewingClient(access, **options), access)
