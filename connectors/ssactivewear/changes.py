"""What changed at S&S Activewear, portion by portion: a portion that came counts whatever becomes of the next.

S&S tells no time of change and has no pages, so every PO that may still change is listed. One is told of when all its orders
have been seen, or its version would be that of a part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from connectors.errors import TooLargeError
from connectors.ssactivewear import reading
from connectors.ssactivewear.client import Page, lists_of

Node = Mapping[str, Any]
Po = tuple[str, Sequence[Node]]  # its number and all its orders, the oldest first
Portion = tuple[Sequence[Po], datetime | None]  # and when S&S says it was

FIELDS = ",".join(reading.FIELDS)
LISTED = timedelta(days=92)  # "the last 3 months"
DAYS_AT_ONCE = 7  # of invoices, where all of them are too many for one answer
MARGIN = timedelta(days=2)  # days are those of S&S, in a zone that is not documented

_PO_NUMBER = re.compile(r"[A-Za-z0-9 _-]+")  # none of ours holds more; a comma would divide it

Ask = Callable[..., Page]


def portions(ask: Ask, *, asked_at: datetime) -> Iterator[Portion]:
    """Those placed in the last 3 months, then older ones that are still open. No call before its portion is wanted."""
    try:
        recent = ask("orders", "", operation="list_orders", All="True", fields=FIELDS)
    except TooLargeError:
        yield from _by_invoices(ask, asked_at.date())
        return
    listed = reading.by_po(recent.rows)
    yield _from_somewhere(list(listed.items()), recent.read_at), recent.read_at
    still_open = ask("orders", "", operation="list_open_orders", fields=FIELDS)
    yield from _complete(ask, [number for number in reading.by_po(still_open.rows) if number not in listed])


def _by_invoices(ask: Ask, today: date) -> Iterator[Portion]:
    """What is open and what was invoiced, from today backwards: no invoice is older than its order.

    So a PO has been seen whole once the invoices since it was placed were read; one that is open and older is asked for.
    """
    page = ask("orders", "", operation="list_open_orders", fields=FIELDS)
    nodes, still_open = _by_number(page.rows), reading.by_po(page.rows)
    told: set[str] = set()
    until, days = today + MARGIN, DAYS_AT_ONCE
    while until > today - LISTED:
        start = until - timedelta(days=days)
        try:
            page = _invoiced(ask, start, until)
        except TooLargeError:
            if days == 1:
                raise
            days //= 2
            continue
        nodes |= _by_number(page.rows)
        pos = reading.by_po(nodes.values())
        whole = [number for number, of in pos.items() if number not in told and _placed(of) >= start + MARGIN]
        told.update(whole)
        yield [(number, pos[number]) for number in whole], page.read_at
        until = start
    yield from _complete(ask, [number for number in still_open if number not in told])


def _invoiced(ask: Ask, start: date, end: date) -> Page:
    return ask(
        "orders",
        "",
        operation="list_invoiced_orders",
        invoicestartdate=start.isoformat(),
        invoiceenddate=end.isoformat(),
        fields=FIELDS,
    )


def _complete(ask: Ask, numbers: Iterable[str]) -> Iterator[Portion]:
    """POs of which one order was seen, asked for by their numbers: what has been invoiced of them is in no list."""
    for wanted in lists_of([number for number in numbers if _PO_NUMBER.fullmatch(number)]):
        page = ask("orders", wanted, operation="orders_by_po", fields=FIELDS)
        asked = {number.casefold() for number in wanted.split(",")}
        yield [po for po in reading.by_po(page.rows).items() if po[0].casefold() in asked], page.read_at


def _from_somewhere(pos: Sequence[Po], read_at: datetime | None) -> Sequence[Po]:
    """Beginning elsewhere each time, so that polls that are cut short come to every PO in the end."""
    begin = int(sha256(str(read_at).encode()).hexdigest(), 16) % max(len(pos), 1)
    return [*pos[begin:], *pos[:begin]]


def _by_number(rows: Iterable[Node]) -> dict[str, Node]:
    with reading.shaped():
        return {reading.number_of(row): row for row in rows}


def _placed(nodes: Sequence[Node]) -> date:
    """By the clock of S&S."""
    with reading.shaped():
        return datetime.fromisoformat(str(nodes[0]["orderdate"])).date()
