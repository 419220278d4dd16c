"""What somebody typed to connect a server, kept while the key that it shows, or its new address, is being confirmed.

It lies in the person's own session, encrypted as every credential is, and for a short time.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Entry
from connectors.credentials import CredentialsUnreadableError, decrypt, encrypt
from connectors.errors import ServerKeyError

KEPT = timedelta(minutes=15)
_NAME = "server_to_confirm"


@dataclass(frozen=True, slots=True)
class Pending:
    """A server that shows the key `shown`; `known` is the one that was confirmed before, empty for none."""

    merchant_id: int
    platform: str
    name: str
    connection: str  # the public id of the one to reconnect; empty: it is a new one
    host: str
    shown: str
    known: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    moved_to: str = ""  # what the supplier at the new address calls itself; empty: the address is not in question

    @property
    def entry(self) -> Entry:
        """With the key, as if it was confirmed."""
        key = {"server_key": self.shown} if self.shown else {}
        return Entry(self.base_url, {**self.credentials, **key})


def of(
    error: ServerKeyError, entry: Entry, *, merchant_id: int, platform: str, name: str = "", connection: str = ""
) -> Pending:
    return Pending(
        merchant_id=merchant_id,
        platform=platform,
        name=name,
        connection=connection,
        host=error.host,
        shown=error.shown,
        known=error.known,
        base_url=entry.base_url,
        credentials=dict(entry.credentials),
    )


def moved(entry: Entry, *, merchant_id: int, platform: str, connection: str, moved_to: str) -> Pending:
    """The supplier answers at another address than the connection's."""
    return Pending(
        merchant_id=merchant_id,
        platform=platform,
        name="",
        connection=connection,
        host="",
        shown=entry.credentials.get("server_key", ""),
        known="",
        base_url=entry.base_url,
        credentials=dict(entry.credentials),
        moved_to=moved_to,
    )


def again(pending: Pending, error: ServerKeyError) -> Pending:
    """The server shows yet another key; whose address it is is asked after that."""
    return replace(pending, host=error.host, shown=error.shown, known=error.known, moved_to="")


def keep(session: MutableMapping[str, Any], pending: Pending, *, at: datetime) -> None:
    """In place of whatever was kept before."""
    session[_NAME] = encrypt({"at": at.isoformat(), "pending": asdict(pending)})


def kept(session: Mapping[str, Any], *, merchant_id: int, at: datetime) -> Pending | None:
    """None when there is nothing, when it is too old, or when it is another merchant's."""
    if _NAME not in session:
        return None
    try:
        found = decrypt(session[_NAME])
    except CredentialsUnreadableError:
        return None
    pending = Pending(**found["pending"])
    is_fresh = at - datetime.fromisoformat(found["at"]) <= KEPT
    return pending if is_fresh and pending.merchant_id == merchant_id else None


def forget(session: MutableMapping[str, Any]) -> None:
    session.pop(_NAME, None)
