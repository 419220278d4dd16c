"""The log of calls of one connection: written as they are made, or with what they brought; read narrowed and in pages by key."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db import Error, transaction
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from connectors import rows
from connectors.http import CallRecord
from connectors.models import CallLog, Connection
from connectors.together import Together

logger = logging.getLogger(__name__)

PAGE = 50

_WELL = Q(outcome="ok", status__lt=400)

ANSWERS: Mapping[str, tuple[str, Q]] = {
    "ok": ("Answered well", _WELL),
    "failed": ("Failed", ~_WELL),
    "refused": ("Refused (4xx)", Q(status__gte=400, status__lt=500)),
    "broken": ("Broken there (5xx)", Q(status__gte=500)),
    "none": ("No answer", Q(status=None)),
}


class Log:
    """Writes one CallLog row per call, or keeps it for `held`.

    A row that cannot be written changes nothing of what the call brought.
    """

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id

    def __call__(self, record: CallRecord) -> None:
        row, kept = self._row(record), _held.get()
        if kept is None:
            write([row])
        else:
            kept.append(row)

    def _row(self, record: CallRecord) -> CallLog:
        return CallLog(
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


@contextmanager
def held(before: Iterable[CallLog] = ()) -> Iterator[list[CallLog]]:
    """The rows of the calls made inside, for whoever writes them with what they brought: `add`, or `write` if that fails.

    `before` are rows that were held already.
    """
    kept = [*before]
    token = _held.set(kept)
    try:
        yield kept
    except Exception:
        write(kept)
        raise
    finally:
        _held.reset(token)


def write(calls: Iterable[CallLog]) -> None:
    """Each with those of other threads, in a transaction of their own."""
    for call in calls:
        try:
            _write(call)
        except Error:
            logger.exception("call not logged", extra={"connection_id": call.connection_id})


def add(calls: Sequence[CallLog]) -> None:
    """In the transaction that is open; it goes on when they cannot be written."""
    if not calls:
        return
    try:
        with transaction.atomic():
            rows.insert(calls)
    except Error:
        connections = sorted({call.connection_id for call in calls})
        logger.exception("calls not logged", extra={"connection_ids": connections})


_held: ContextVar[list[CallLog] | None] = ContextVar("held", default=None)
_write: Together[CallLog] = Together(rows.insert)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked the log for. Whatever makes no sense is left out."""

    operation: str = ""  # how its name begins
    answer: str = ""  # a key of ANSWERS, or a status
    since: datetime | None = None
    until: datetime | None = None
    before: int = 0  # the key of the last call on the page before; 0: the first page

    @classmethod
    def from_query(cls, query: Mapping[str, str], *, zone: tzinfo) -> Wanted:
        """Times without an offset are the merchant's."""
        answer = query.get("answer", "")
        before = query.get("before", "")
        return cls(
            operation=query.get("operation", "").replace("\x00", "").strip()[:80],
            answer=answer if answer in ANSWERS or _status(answer) else "",
            since=_moment(query.get("since", ""), zone),
            until=_moment(query.get("until", ""), zone),
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0,
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.operation or self.answer or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Page:
    calls: list[CallLog]
    next_key: int = 0  # 0: this is the last page


def page(connection: Connection, wanted: Wanted) -> Page:
    """Newest first; as fast on the thousandth page as on the first."""
    rows = narrowed(connection, wanted)
    last = CallLog.objects.filter(connection=connection, pk=wanted.before).first() if wanted.before else None
    if last is not None:
        rows = rows.filter(Q(at__lte=last.at) & (Q(at__lt=last.at) | Q(pk__lt=last.pk)))
    found = list(rows.order_by("-at", "-pk")[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else 0)


def narrowed(connection: Connection, wanted: Wanted) -> QuerySet[CallLog]:
    """The calls that are wanted, in no order, whatever page they would stand on."""
    rows = CallLog.objects.filter(connection=connection)
    if wanted.operation:
        rows = rows.filter(operation__istartswith=wanted.operation)
    if wanted.answer:
        rows = rows.filter(ANSWERS[wanted.answer][1] if wanted.answer in ANSWERS else Q(status=_status(wanted.answer)))
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lte=wanted.until)
    return rows


def _status(text: str) -> int:
    """An HTTP status as a person types it; 0 for anything else."""
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() and text[0] in "12345" else 0


def _moment(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None or moment.year < 2000 or moment.year > 2200:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
