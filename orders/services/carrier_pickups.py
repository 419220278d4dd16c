"""Carriers that are to come: asked for once, called off, and settled by a person where nobody else can know.

The asking is an outbox message. It is marked before the first byte; after a mark the carrier is looked at before it is
asked again, or the very same request is repeated where that is harmless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import new_public_id
from connectors import times
from connectors.carriers.base import Confirmation, PickupRequest, Pieces, Place
from connectors.models import CarrierAccount, CarrierState
from connectors.services import carriers
from orders import outbox
from orders.enums import AddressKind, PickupStatus, ShipmentStatus, Topic
from orders.errors import FieldProblem, InvalidShipment, TransitionNotAllowed
from orders.models import CarrierPickup, CarrierPickupOrder, Fulfillment, Order, OrderAddress, OutboxMessage, Parcel
from orders.services import history, notices, open_units
from orders.services.transitions import lock
from orders.states import PICKUP_TRANSITIONS

MOST_ORDERS = 50
MOST_PARCELS = 999
HEAVIEST_G = 5_000_000
FARTHEST = timedelta(days=30)
_OPEN = (PickupStatus.REQUESTED, PickupStatus.SCHEDULED, PickupStatus.FAILED, PickupStatus.CANCELLING)


@dataclass(frozen=True, slots=True)
class WantedOrder:
    order_id: int
    parcels: int
    weight_g: int


@dataclass(frozen=True, slots=True)
class Load:
    """What is suggested for one order: its parcels as they were shipped from here, else one."""

    order: Order
    parcels: int
    weight_g: int | None  # None: nobody said


@transaction.atomic
def schedule(
    *,
    account_id: int,
    wanted: Sequence[WantedOrder],
    opens_at: datetime,
    closes_at: datetime,
    note: str = "",
    by: str,
    at: datetime,
) -> CarrierPickup:
    """Promise to ask the carrier. Raises InvalidShipment with every problem, TransitionNotAllowed for closed orders."""
    if len(wanted) > MOST_ORDERS:
        raise InvalidShipment([_wrong_number()])
    account = CarrierAccount.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=account_id)
    orders = {order_id: lock(order_id) for order_id in sorted({each.order_id for each in wanted})}
    _refuse(account, wanted, orders, opens_at, closes_at, at=at)
    pickup = CarrierPickup.objects.create(
        account=account,
        reference="",
        opens_at=opens_at,
        closes_at=closes_at,
        place=asdict(carriers.place_of(account)),
        note=note,
        requested_by=by,
        requested_at=at,
    )
    pickup.reference = f"SWP-{pickup.pk}"
    pickup.save(update_fields=["reference"])
    CarrierPickupOrder.objects.bulk_create(
        CarrierPickupOrder(pickup=pickup, order=orders[each.order_id], parcels=each.parcels, weight_g=each.weight_g)
        for each in wanted
    )
    _promise(pickup, Topic.SCHEDULE_PICKUP, at=at)
    _note(pickup, "requested", f"{by} asked {account.name} to come: {window(pickup)}.", by=by, at=at)
    return pickup


@transaction.atomic
def cancel(*, pickup_id: int, by: str, at: datetime) -> CarrierPickup:
    """Call the carrier off; what was not asked for yet is simply not asked. Raises TransitionNotAllowed."""
    pickup = locked(pickup_id)
    if pickup.status == PickupStatus.SCHEDULED:
        if pickup.closes_at <= at:
            raise TransitionNotAllowed("The window of this pickup is over.")
        _move(pickup, PickupStatus.CANCELLING, reason="")
        _promise(pickup, Topic.CANCEL_PICKUP, at=at)
        _note(pickup, "cancelling", f"{by} calls {pickup.account.name} off.", by=by, at=at)
        return pickup
    message = _message(pickup)
    if message is not None and pickup.status == PickupStatus.FAILED:
        outbox.withdraw_sent(message.key, at=at)
    elif message is not None and not outbox.withdraw(message.key, at=at):
        raise TransitionNotAllowed("The carrier is being asked right now. Try again in a minute.")
    _move(pickup, PickupStatus.CANCELLED, cancelled_at=at)
    _note(pickup, "cancelled", f"{by} withdrew the pickup by {pickup.account.name}.", by=by, at=at)
    return pickup


@transaction.atomic
def try_again(*, pickup_id: int, by: str, at: datetime) -> CarrierPickup:
    """Ask once more. Where it may have been taken and cannot be looked up, the person has looked there before."""
    pickup = locked(pickup_id)
    if pickup.status != PickupStatus.FAILED:
        raise TransitionNotAllowed("This pickup did not fail.")
    message = _message(pickup)
    _move(pickup, PickupStatus.REQUESTED, reason="")
    if message is None or message.done_at is not None or message.maybe_sent_at is not None:
        if message is not None:
            outbox.withdraw_sent(message.key, at=at)
        _promise(pickup, Topic.SCHEDULE_PICKUP, at=at)
    else:
        outbox.release_now(message.key, at=at)
    _note(pickup, "requested", f"{by} asked {pickup.account.name} again: {window(pickup)}.", by=by, at=at)
    return pickup


@transaction.atomic
def settle(*, pickup_id: int, number: str, by: str, at: datetime) -> CarrierPickup:
    """A person found that the carrier has it, under this number."""
    pickup = locked(pickup_id)
    if pickup.status != PickupStatus.FAILED:
        raise TransitionNotAllowed("This pickup did not fail.")
    message = _message(pickup)
    if message is not None:
        outbox.withdraw_sent(message.key, at=at)
    _record(pickup, Confirmation(number), by=by, at=at)
    return pickup


def request_of(pickup: CarrierPickup) -> PickupRequest:
    """As the carrier gets it; the window in the zone of the place."""
    rows = pickup.rows.order_by("order_id").values_list("order_id", "parcels", "weight_g")
    load = [WantedOrder(*row) for row in rows]
    return _request(pickup.account, pickup, Place(**pickup.place), load)


def quote(
    *, account_id: int, wanted: Sequence[WantedOrder], opens_at: datetime, closes_at: datetime, at: datetime
) -> str:
    """What the carrier would charge: "6.65 USD"; empty for one that does not say. Asks it; outside any transaction.

    Raises InvalidShipment as `schedule` does, and ConnectorError.
    """
    account = CarrierAccount.objects.select_related("merchant").get(pk=account_id)
    orders = Order.objects.in_bulk([each.order_id for each in wanted])
    _refuse(account, wanted, orders, opens_at, closes_at, at=at)
    draft = CarrierPickup(account=account, reference="SWP-0", opens_at=opens_at, closes_at=closes_at)
    with closing(carriers.carrier_for(account)) as carrier:
        if not carrier.quotes:
            return ""
        request = _request(account, draft, carriers.place_of(account), wanted)
        return carrier.quote(request, today=at.astimezone(account.zone).date())


def loads(orders: Iterable[Order]) -> list[Load]:
    """What is suggested, from the parcels that stand as shipped from here. One query."""
    wanted = list(orders)
    standing = Fulfillment.objects.own().filter(order__in=wanted, status=ShipmentStatus.SUCCESS)
    boxes: dict[int, list[int | None]] = {}
    for order_id, weight in Parcel.objects.filter(fulfillment__in=standing).values_list(
        "fulfillment__order_id", "weight_g"
    ):
        boxes.setdefault(order_id, []).append(weight)
    return [_load(order, boxes.get(order.pk, [])) for order in wanted]


def window(pickup: CarrierPickup) -> str:
    """In the zone of the place."""
    zone = pickup.account.zone
    opens, closes = pickup.opens_at.astimezone(zone), pickup.closes_at.astimezone(zone)
    named = f" ({opens:%Z})" if pickup.account.time_zone else ""
    return f"{opens:%A} {opens.day} {opens:%B}, {opens:%H:%M} to {closes:%H:%M}{named}"


def record(pickup_id: int, confirmation: Confirmation, *, at: datetime) -> None:
    """The carrier comes. Inside the transaction that finishes the message."""
    pickup = locked(pickup_id)
    _record(pickup, confirmation, by=pickup.account.name, at=at)


def record_cancelled(pickup_id: int, *, at: datetime) -> None:
    """The carrier does not come. Inside the transaction that finishes the message."""
    pickup = locked(pickup_id)
    _move(pickup, PickupStatus.CANCELLED, cancelled_at=at)
    name = pickup.account.name
    _note(pickup, "cancelled", f"{name} is called off: {window(pickup)}.", by=name, at=at)


def record_failure(pickup_id: int, reason: str, *, at: datetime) -> None:
    """Nobody comes, or nobody knows. Inside a transaction."""
    pickup = locked(pickup_id)
    _move(pickup, PickupStatus.FAILED, reason=reason[:500])
    text = f"{pickup.account.name} is not arranged: {reason}"
    _note(pickup, "failed", text, by=history.STOREWARD, at=at)
    order = pickup.rows.select_related("order").order_by("pk")[0].order
    cause = f"{pickup.public_id}:{order.events.filter(kind='pickup.failed').count()}"
    notices.promise_merchant(order, kind="pickup_failed", cause_key=cause, at=at, reason=text)


def record_comes_anyway(pickup_id: int, reason: str, *, at: datetime) -> None:
    """The carrier would not be called off. Inside a transaction."""
    pickup = locked(pickup_id)
    _move(pickup, PickupStatus.SCHEDULED, reason=reason[:500])
    text = f"{pickup.account.name} could not be called off and comes: {reason}"
    _note(pickup, "kept", text, by=history.STOREWARD, at=at)


# --- what is refused ---------------------------------------------------------------------------------


def _refuse(
    account: CarrierAccount,
    wanted: Sequence[WantedOrder],
    orders: dict[int, Order],
    opens_at: datetime,
    closes_at: datetime,
    *,
    at: datetime,
) -> None:
    problems = [*_account_problems(account, wanted), *_window_problems(account, opens_at, closes_at, at=at)]
    leaving = open_units.leaving(orders.values())
    for index, each in enumerate(wanted):
        problems += [
            FieldProblem(f"orders[{index}].{name}", code, text)
            for name, code, text in _order_problems(account, each, orders[each.order_id], leaving, at=at)
        ]
    if problems:
        raise InvalidShipment(problems)


def _account_problems(account: CarrierAccount, wanted: Sequence[WantedOrder]) -> list[FieldProblem]:
    problems = []
    if account.state != CarrierState.ACTIVE:
        problems.append(FieldProblem("carrier", "disconnected", f"{account.name} is disconnected."))
    if not 1 <= len(wanted) <= MOST_ORDERS:
        problems.append(_wrong_number())
    if len({each.order_id for each in wanted}) != len(wanted):
        problems.append(FieldProblem("orders", "order_twice", "Name each order once."))
    return problems


def _wrong_number() -> FieldProblem:
    return FieldProblem("orders", "wrong_length", f"A pickup is for 1 to {MOST_ORDERS} orders.")


def _window_problems(
    account: CarrierAccount, opens_at: datetime, closes_at: datetime, *, at: datetime
) -> list[FieldProblem]:
    zone = account.zone
    if closes_at <= opens_at:
        return [FieldProblem("closes_at", "before_opening", "The window must end after it begins.")]
    if closes_at <= at:
        return [FieldProblem("closes_at", "over", "This window is over.")]
    if not (times.is_usable(opens_at) and times.is_usable(closes_at)):
        return [FieldProblem("opens_at", "too_far", f"Ask for a day within {FARTHEST.days} days.")]
    if opens_at.astimezone(zone).date() != closes_at.astimezone(zone).date():
        return [FieldProblem("closes_at", "another_day", "A pickup is on one day.")]
    if opens_at > at + FARTHEST:
        return [FieldProblem("opens_at", "too_far", f"Ask for a day within {FARTHEST.days} days.")]
    return []


def _order_problems(
    account: CarrierAccount, each: WantedOrder, order: Order, leaving: open_units.Leaving, *, at: datetime
) -> list[tuple[str, str, str]]:
    if order.merchant_id != account.merchant_id:
        return [("id", "unknown_order", "There is no such order.")]
    problems = []
    try:
        open_units.refuse_closed(order)
    except TransitionNotAllowed as refusal:
        problems.append(("id", "closed", str(refusal)))
    if order.has_pickup:
        problems.append(("id", "collected", f"The customer collects order {order.number}."))
    if not problems and order.pk not in leaving.from_here:
        sender = leaving.senders.get(order.pk)
        gone = ("id", "nothing_left", f"Nothing of order {order.number} is left to send.")
        problems.append(("id", "sent_elsewhere", f"{sender} sends order {order.number}.") if sender else gone)
    standing = CarrierPickup.objects.filter(rows__order=order, status__in=_OPEN, closes_at__gt=at)
    if standing.exists():
        problems.append(("id", "in_another_pickup", f"A pickup for order {order.number} is open already."))
    if not 1 <= each.parcels <= MOST_PARCELS:
        problems.append(("parcels", "out_of_range", f"1 to {MOST_PARCELS} parcels."))
    if not 1 <= each.weight_g <= HEAVIEST_G:
        problems.append(("weight_g", "out_of_range", "Say what the parcels weigh: 1 g to 5000 kg."))
    return problems


# --- rows --------------------------------------------------------------------------------------------


def locked(pickup_id: int) -> CarrierPickup:
    """The pickup, for this transaction alone."""
    rows = CarrierPickup.objects.select_for_update(of=("self",)).select_related("account__merchant")
    return rows.get(pk=pickup_id)


def _move(pickup: CarrierPickup, to: PickupStatus, **fields: object) -> None:
    if to not in PICKUP_TRANSITIONS[pickup.status]:
        raise TransitionNotAllowed(f"This pickup is {PickupStatus(pickup.status).label.lower()}.")
    pickup.status = to
    for name, value in fields.items():
        setattr(pickup, name, value)
    pickup.save(update_fields=["status", *fields])


def _record(pickup: CarrierPickup, confirmation: Confirmation, *, by: str, at: datetime) -> None:
    _move(
        pickup,
        PickupStatus.SCHEDULED,
        confirmation=confirmation.number[:60],
        cost=confirmation.cost[:40],
        reason="",
        scheduled_at=at,
    )
    text = f"{pickup.account.name} comes {window(pickup)}, number {confirmation.number}."
    _note(pickup, "scheduled", text, by=by, at=at)


def _promise(pickup: CarrierPickup, topic: Topic, *, at: datetime) -> None:
    """Under a new key each time: a promise that was kept or withdrawn is never renewed."""
    key = f"carrier-{topic}:{pickup.public_id}:{new_public_id()}"
    order = pickup.rows.select_related("order").order_by("pk")[0].order
    outbox.post(topic, order=order, key=key, at=at, payload={"pickup": pickup.pk})


def _message(pickup: CarrierPickup) -> OutboxMessage | None:
    """The newest promise to ask."""
    begin = f"carrier-{Topic.SCHEDULE_PICKUP}:{pickup.public_id}:"
    return OutboxMessage.objects.filter(key__startswith=begin).order_by("-pk").first()


def _note(pickup: CarrierPickup, what: str, text: str, *, by: str, at: datetime) -> None:
    for row in pickup.rows.select_related("order").order_by("pk"):
        history.note(row.order, kind=f"pickup.{what}", text=text, by=by, at=at, pickup=pickup.public_id)


def _request(
    account: CarrierAccount, pickup: CarrierPickup, place: Place, load: Sequence[WantedOrder]
) -> PickupRequest:
    zone = account.zone
    addresses = OrderAddress.objects.filter(order__in=[each.order_id for each in load], kind=AddressKind.SHIPPING)
    countries = dict(addresses.values_list("order_id", "country_code"))
    parcels: Counter[str] = Counter()
    for each in load:
        parcels[countries.get(each.order_id) or place.country_code] += each.parcels
    return PickupRequest(
        reference=pickup.reference,
        place=place,
        opens_at=pickup.opens_at.astimezone(zone),
        closes_at=pickup.closes_at.astimezone(zone),
        pieces=tuple(Pieces(country, units) for country, units in sorted(parcels.items())),
        weight_g=sum(each.weight_g for each in load),
        note=pickup.note,
    )


def _load(order: Order, weights: list[int | None]) -> Load:
    known = [weight for weight in weights if weight]
    return Load(order, max(len(weights), 1), sum(known) if known and len(known) == len(weights) else None)
