"""What would become of open orders, of news for stores and of partners, were a connection disconnected. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from connectors.models import Connection, Partnership, PartnershipState
from orders.enums import Headline, OrderStatus, PushStatus, WriteBackState
from orders.models import Order, OrderPush, WriteBack
from orders.services import partner_orders

_OVER = (Headline.COMPLETED, Headline.DECLINED, Headline.EXPIRED, Headline.CANCELLED)
_UNFINISHED = tuple(headline for headline in Headline if headline not in _OVER)
_OPEN = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED)
_ENDS = (PartnershipState.INVITED, PartnershipState.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Share:
    """Some orders of a connection, and what would become of them."""

    label: str
    outcome: str
    orders: int
    money: list[
        tuple[Decimal, str]
    ]  # by currency; none of partners' orders, whose totals are not the merchant's to see


@dataclass(frozen=True, slots=True)
class Ending:
    """A partnership that ends with the connection."""

    id: str
    partner: str  # the other business, or the address that was asked
    state: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Impact:
    shares: Sequence[Share]  # without those that no order is in
    partnerships: Sequence[Ending]


_SENT_THERE: tuple[tuple[str, str, Q], ...] = (
    (
        "Not sent yet",
        "They are held and say so. Connect the same store again and they go on by themselves, or cancel them.",
        Q(status__in=[PushStatus.WAITING, PushStatus.QUEUED, PushStatus.HELD], remote_id=""),
    ),
    (
        "On their way",
        "They may be in the store already. Nobody can look there any more: wait until they have arrived, else they are held.",
        Q(status__in=[PushStatus.SENDING, PushStatus.UNKNOWN]),
    ),
    (
        "In the store, not fulfilled",
        "They stay there. Their fulfillment and tracking no longer come back, and customers are not told.",
        Q(order__status=OrderStatus.CONFIRMED) & ~Q(remote_id="") & ~Q(status=PushStatus.CANCELLED),
    ),
)
_PLACED = (
    "Placed in this store",
    "They go on here. What changes in the store is no longer seen, and it is not told what is sent, until it is connected again.",
)
_UNTOLD = (
    "Sent, and the store not told yet",
    "It is not told. Connect the same store again and this goes on by itself, or mark them as fulfilled there.",
)
_OF_PARTNERS = (
    "Partners' orders in the store, not fulfilled",
    "They stay there. Your partners no longer hear of their fulfillment. What partners have not sent yet is held with them.",
)
_ENDED = {
    PartnershipState.ACCEPTED: "It ends, your partner is told, and its orders for your products are held.",
    PartnershipState.INVITED: "The invitation is withdrawn.",
}


def of(connection: Connection) -> Impact:
    """Orders that are over count only where the store was not told of them yet. An order may be in several shares."""
    own = Order.objects.of(connection.merchant)
    unfinished = own.filter(headline__in=_UNFINISHED)
    pushes = OrderPush.objects.filter(connection=connection, order__status__in=_OPEN)
    untold = WriteBack.objects.filter(connection=connection, state__in=[WriteBackState.WAITING, WriteBackState.HELD])
    shares = [
        *[
            _share(label, outcome, unfinished.filter(pk__in=pushes.filter(kind).values("order")))
            for label, outcome, kind in _SENT_THERE
        ],
        _share(*_PLACED, unfinished.filter(channel__connection=connection, is_archived=False)),
        _share(*_UNTOLD, own.filter(pk__in=untold.values("fulfillment__order"))),
        Share(*_OF_PARTNERS, _of_partners(connection), []),
    ]
    return Impact([share for share in shares if share.orders], _endings(connection))


def _share(label: str, outcome: str, orders: QuerySet[Order]) -> Share:
    sums = orders.values("currency").annotate(orders=Count("pk"), money=Sum("total")).order_by("currency")
    rows = list(sums)
    return Share(label, outcome, sum(row["orders"] for row in rows), [(row["money"], row["currency"]) for row in rows])


def _of_partners(connection: Connection) -> int:
    """What a source knows of: the parts that were pushed to its store and that it has still to send."""
    pushed = partner_orders.shipments_for(connection.merchant).filter(connection__source=connection)
    waiting = pushed.filter(order__status=OrderStatus.CONFIRMED)
    return waiting.exclude(status=PushStatus.CANCELLED).values("order").distinct().count()


def _endings(connection: Connection) -> list[Ending]:
    rows = Partnership.objects.filter(source_connection=connection, state__in=_ENDS).select_related("destination")
    return [
        Ending(
            id=row.public_id,
            partner=row.destination.name if row.destination else row.email,
            state=row.get_state_display(),
            outcome=_ENDED[PartnershipState(row.state)],
        )
        for row in rows.order_by("pk")
    ]
