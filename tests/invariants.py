"""What holds after every test, whatever it did: the global invariants, said once and asked by all.

A test that plants an impossible row on purpose says so with `@pytest.mark.plants("I5", "why")`; the others still hold for it.
Rows of a factory have no history and prove nothing: I4 and I5 look at what a service wrote. The simulation, the machine
of re-exports and the tests that kill workers ask the same questions of their own ledgers.

I1 an order is at a destination once, per generation       I4 what is not at its end is promised, or a person is asked
I2 the id that we keep is the destination's own             I5 each change of a state has its line in the history
I3 taken <= set aside, given back <= taken, as the gateway  I6 no secret and no person in logs, calls, reasons and notes
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Protocol

from django.db import connection as database

from orders.enums import OrderStatus, PaymentStatus

NAMES = ("I1", "I2", "I3", "I4", "I5", "I6")
CANARIES = ("shpat_canary", "harriet@example.com", "Harriet Ngata")  # of tests/factories.py
Made = Mapping[str, Collection[str]]  # our reference -> the ids of the orders that a store made under it


class Ledger(Protocol):
    def made(self) -> Made: ...


# --- what one ledger says ------------------------------------------------------------------------


def doubled(made: Made) -> list[str]:
    """I1: references under which there is more than one."""
    return [reference for reference, ids in made.items() if len(ids) > 1]


def missing(references: Iterable[str], made: Made) -> list[str]:
    """I1: what counts as done, and is not there."""
    return [reference for reference in references if not made.get(reference)]


def strangers(kept: Iterable[tuple[str, str]], made: Made) -> list[str]:
    """I2: references (with the id that we keep) which the ledger knows under other ids alone."""
    return [reference for reference, remote_id in kept if made.get(reference) and remote_id not in made[reference]]


# --- after a test ---------------------------------------------------------------------------------

_ledgers: list[Ledger] = []  # of the stores in memory that the running test has made


def watch(ledger: Ledger) -> None:
    _ledgers.append(ledger)


def begin() -> None:
    """Forget what the test before has made and said."""
    _ledgers.clear()
    heard.told.clear()
    if heard not in logging.getLogger().handlers:  # a new configuration of the log takes it off
        logging.getLogger().addHandler(heard)


def broken() -> list[tuple[str, str]]:
    """What does not hold now: the invariant, and what of it. One statement, and one more where stores were written to."""
    with database.cursor() as cursor:
        cursor.execute(_statement())
        found = [(_ROWS[rule][0], f"{_ROWS[rule][1]}: {which}") for rule, which in cursor.fetchall()]
    return [*found, *_of_ledgers(), *(("I6", f"told in the log: {what}") for what in heard.told)]


def _of_ledgers() -> Iterable[tuple[str, str]]:
    ledgers = [made for made in (ledger.made() for ledger in _ledgers) if made]
    if not ledgers:
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT reference, remote_id FROM orders_orderpush WHERE remote_id <> ''")
        kept = cursor.fetchall()
    for made in ledgers:
        yield from (("I1", f"{reference} was made more than once") for reference in doubled(made))
        yield from (
            ("I2", f"{reference} is kept under an id that is not its own") for reference in strangers(kept, made)
        )


class Heard(logging.Handler):
    """Listens to all that is logged for what nobody may read there."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        words = f"{record.getMessage()} {record.__dict__!r}"
        self.told += [f"{canary} by {record.name}" for canary in CANARIES if canary in words]


heard = Heard()


# --- what our own rows say ------------------------------------------------------------------------


def _last_event(axis: str, statuses: Collection[str]) -> str:
    """The last line about an axis of each order that has one."""
    kinds = ", ".join(f"'{axis}.{status}'" for status in statuses)
    newest = f"SELECT MAX(id) FROM orders_orderevent WHERE kind IN ({kinds}) GROUP BY order_id"
    return f"(SELECT order_id, kind FROM orders_orderevent WHERE id IN ({newest}))"


_CENTS = "p.currency IN ('NZD', 'AUD', 'USD', 'EUR', 'GBP')"
_OF_SANDBOX = f"connectors_sandboxcharge c JOIN orders_payment p ON p.gateway = 'sandbox' AND p.reference = c.reference AND {_CENTS}"
_TAKEN = "p.status IN ('captured', 'partially_refunded', 'refunded')"
_GIVEN = "(SELECT SUM(amount) FROM orders_refund r WHERE r.order_id = p.order_id AND r.status = 'done')"
_STANDING = "(SELECT SUM(amount) FROM orders_refund r WHERE r.order_id = p.order_id AND r.status <> 'withdrawn')"
_BY_SERVICE = "EXISTS (SELECT 1 FROM orders_orderevent e WHERE e.order_id = o.id AND e.kind = 'order.confirmed')"
_LEAKS = " OR ".join(f"{{words}} LIKE '%{canary}%'" for canary in CANARIES)


def _open(topic: str, row: str) -> str:
    return f"EXISTS (SELECT 1 FROM orders_outboxmessage m WHERE {row} AND m.topic = '{topic}' AND m.status <> 'done')"


_ROWS: tuple[tuple[str, str, str], ...] = (  # the invariant, what is broken, and of which rows: "<name> FROM ..."
    (
        "I1",
        "a generation began before the one before it was over",
        (
            "a.reference FROM orders_orderpush a JOIN orders_orderpush b ON b.order_id = a.order_id"
            " AND b.connection_id = a.connection_id AND b.generation > a.generation WHERE a.status <> 'cancelled' AND NOT b.beside"
        ),
    ),
    (
        "I1",
        "a line is in two generations that stand",
        (
            "a.reference FROM orders_orderpush a JOIN orders_orderpush b ON b.order_id = a.order_id"
            " AND b.connection_id = a.connection_id AND b.generation > a.generation AND b.beside"
            " JOIN orders_pushline c ON c.push_id = a.id JOIN orders_pushline d ON d.push_id = b.id AND d.line_id = c.line_id"
            " WHERE a.status <> 'cancelled' AND b.status <> 'cancelled'"
        ),
    ),
    (
        "I1",
        "a practice store has two orders of one reference",
        (
            "MAX(custom_id) FROM connectors_practiceorder WHERE custom_id <> '' GROUP BY shop_id, custom_id"
            " HAVING COUNT(*) > 1"
        ),
    ),
    (
        "I3",
        "what is written as taken is not what the gateway took",
        f"p.reference FROM {_OF_SANDBOX} WHERE {_TAKEN} AND ROUND(p.captured * 100) <> c.captured",
    ),
    (
        "I3",
        "more is written as given back than the gateway gave",
        f"p.reference FROM {_OF_SANDBOX} WHERE ROUND(p.refunded * 100) > c.refunded",
    ),
    (
        "I3",
        "the gateway gave back more than was promised",
        f"p.reference FROM {_OF_SANDBOX} WHERE {_STANDING} IS NOT NULL AND c.refunded > ROUND({_STANDING} * 100)",
    ),
    (
        "I3",
        "more is promised back than was taken",
        f"p.reference FROM orders_payment p WHERE {_STANDING} > p.captured",
    ),
    (
        "I3",
        "refunds that were given do not come to what is written as given back",
        f"p.reference FROM orders_payment p WHERE {_GIVEN} <> p.refunded",
    ),
    (
        "I4",
        "confirmed, and nobody is going to take its money",
        (
            "o.number FROM orders_order o JOIN orders_payment p ON p.order_id = o.id WHERE o.status = 'confirmed'"
            f" AND p.status = 'authorized' AND p.gateway <> 'store' AND {_BY_SERVICE}"
            f" AND NOT {_open('capture_payment', 'm.order_id = o.id')}"
        ),
    ),
    (
        "I4",
        "a push on its way that nobody is going to send",
        (
            "x.reference FROM orders_orderpush x JOIN orders_order o ON o.id = x.order_id WHERE o.status = 'confirmed'"
            f" AND x.status IN ('queued', 'sending', 'unknown') AND {_BY_SERVICE}"
            f" AND NOT {_open('push_order', 'm.push_id = x.id')}"
        ),
    ),
    (
        "I4",
        "a refund on its way that nobody is going to give",
        (
            f"r.public_id FROM orders_refund r WHERE r.status = 'requested'"
            f" AND NOT {_open('refund_payment', 'm.order_id = r.order_id')}"
        ),
    ),
    (
        "I5",
        "an order's status is not the last of its history",
        (
            f"o.number FROM orders_order o JOIN {_last_event('order', OrderStatus.values)} e ON e.order_id = o.id"
            " WHERE e.kind <> 'order.' || o.status"
        ),
    ),
    (
        "I5",
        "a payment's status is not the last of its history",
        (
            f"p.reference FROM orders_payment p JOIN {_last_event('payment', PaymentStatus.values)} e"
            " ON e.order_id = p.order_id WHERE e.kind <> 'payment.' || p.status"
        ),
    ),
    (
        "I6",
        "a promise tells of a person or a secret",
        f"key FROM orders_outboxmessage WHERE {_LEAKS.format(words='reason')}",
    ),
    (
        "I6",
        "the log of calls tells of a person or a secret",
        f"operation FROM connectors_calllog WHERE {_LEAKS.format(words='url')}",
    ),
    (
        "I6",
        "an event's note tells of a person or a secret",
        f"event_id FROM connectors_inboundevent WHERE {_LEAKS.format(words='note')}",
    ),
)


@cache
def _statement() -> str:
    return " UNION ALL ".join(f"SELECT {rule}, {rows}" for rule, (_, _, rows) in enumerate(_ROWS))
