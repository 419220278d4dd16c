"""Labels from a carrier: rates asked for, one service bought exactly once, printed, voided, handed over.

It costs money. The amount is agreed to before; the buying is an outbox message that is marked before the first byte. After
a mark the label is only looked for: a carrier without an idempotency key would charge twice for the same request. Who
buys again where nobody knows is a person who has looked there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from connectors.carriers.labels import Box, BoxLabel, Label, Recipient
from connectors.carriers.registry import CARRIERS
from connectors.models import CarrierAccount, CarrierState
from connectors.money import Money, round_half_up, total
from connectors.services import carriers
from orders import outbox
from orders.enums import AddressKind, Topic
from orders.errors import FieldProblem, InvalidShipment, TransitionNotAllowed
from orders.models import (
    Fulfillment,
    LabelBox,
    LabelLine,
    LabelStatus,
    Order,
    OrderAddress,
    OrderLine,
    ShippingLabel,
)
from orders.services import document_pages, label_rows, open_units, shipping
from orders.services.open_units import WantedLine
from orders.services.shipping import HEAVIEST_G, LONGEST_MM, Wanted, WantedParcel
from orders.services.transitions import lock

RATES_LAST = timedelta(hours=24)  # prices of another day are asked for again
MOST_BOXES = max(carrier.most_boxes for carrier in CARRIERS.values())


def sellers(accounts: Iterable[CarrierAccount]) -> list[CarrierAccount]:
    """Those that sell labels."""
    return [account for account in accounts if CARRIERS[account.carrier].sells_labels]


@transaction.atomic
def ask(
    *, order_id: int, account_id: int, lines: Sequence[WantedLine], boxes: Sequence[Box], by: str, at: datetime
) -> ShippingLabel:
    """Promise to ask the carrier what it would cost. Raises InvalidShipment with every problem, TransitionNotAllowed."""
    order = lock(order_id)
    account = CarrierAccount.objects.get(pk=account_id)
    _refuse_order(order)
    problems = [*_account_problems(order, account), *_box_problems(account, boxes)]
    if problems:
        raise InvalidShipment(problems)
    units = _free_units(order, lines)
    label = ShippingLabel.objects.create(
        order=order,
        account=account,
        reference="",
        place=asdict(carriers.place_of(account)),
        recipient=asdict(_recipient(order)),
        contents=open_units.in_words(units).replace("×", "x")[:200],  # noqa: RUF001  # carriers take ASCII
        value=_value(order, units),
        requested_by=by,
        requested_at=at,
    )
    label.reference = f"SWL-{label.pk}"
    label.save(update_fields=["reference"])
    LabelLine.objects.bulk_create(LabelLine(label=label, line=line, quantity=many) for line, many in units.items())
    LabelBox.objects.bulk_create(_box(label, index, box) for index, box in enumerate(boxes, start=1))
    label_rows.promise(label, Topic.RATE_LABEL, at=at)
    return label


@transaction.atomic
def ask_again(*, label_id: int, by: str, at: datetime) -> ShippingLabel:
    """New rates, to where the customer is now and from where the account is now."""
    label = label_rows.locked(label_id)
    _refuse_order(label.order)
    _refuse_account(label)
    recipient, place = asdict(_recipient(label.order)), asdict(carriers.place_of(label.account))
    label_rows.move(label, LabelStatus.RATING, rates=[], reason="", recipient=recipient, place=place)
    label_rows.promise(label, Topic.RATE_LABEL, at=at)
    return label


@transaction.atomic
def buy(*, label_id: int, service: str, agreed: Money, by: str, at: datetime) -> ShippingLabel:
    """Promise to buy this service for what was shown. Raises TransitionNotAllowed, and InvalidShipment for another price."""
    label = label_rows.locked(label_id)
    if label.status not in (LabelStatus.RATED, LabelStatus.REFUSED):
        raise TransitionNotAllowed(f"This label is not for sale: {LabelStatus(label.status).label.lower()}.")
    rate = next((rate for rate in label.rates if rate["service"] == service), None)
    if rate is None:
        raise InvalidShipment([FieldProblem("service", "unknown_service", "Choose one of the services with a rate.")])
    price = Money(Decimal(rate["amount"]), rate["currency"])
    if price != agreed:
        raise InvalidShipment([FieldProblem("amount", "other_amount", f"{rate['name']} costs {price}, not {agreed}.")])
    if is_stale(label, at=at):
        raise TransitionNotAllowed("These rates are more than a day old. Ask for them again.")
    _refuse_order(label.order)
    _refuse_account(label)
    _free_units(label.order, lines_of(label))
    label_rows.move(
        label, LabelStatus.BUYING, service=service, service_name=rate["name"], quoted_amount=price.amount,
        quoted_currency=price.currency, bought_by=by, reason="",
    )  # fmt: skip
    label_rows.promise(label, Topic.BUY_LABEL, at=at)
    text = f"{by} buys a label from {label.account.name}: {label.service_name} for {price}."
    label_rows.note(label, "buying", text, by=by, at=at)
    return label


@transaction.atomic
def look_again(*, label_id: int, by: str, at: datetime) -> ShippingLabel:
    """Look once more whether the carrier sold it. Buys nothing."""
    label, message = _unsure(label_id)
    label_rows.move(label, LabelStatus.BUYING, reason="")
    if not outbox.release_now(message.key, at=at):
        raise TransitionNotAllowed(
            f"Storeward has looked as often as it can. Look in your account at {label.account.name}."
        )
    return label


@transaction.atomic
def buy_again(*, label_id: int, by: str, at: datetime) -> ShippingLabel:
    """Somebody looked at the carrier and found nothing. The carrier is looked at once more, and then asked to sell it."""
    label, message = _unsure(label_id)
    _refuse_order(label.order)
    _refuse_account(label)
    label_rows.move(label, LabelStatus.BUYING, reason="", bought_by=by)
    outbox.withdraw_sent(message.key, at=at)
    label_rows.promise(label, Topic.BUY_LABEL, at=at)
    text = f"{by} found no label {label.reference} at {label.account.name} and buys it again for {label.quoted}."
    label_rows.note(label, "buying", text, by=by, at=at)
    return label


@transaction.atomic
def settle(*, label_id: int, numbers: Sequence[str], by: str, at: datetime) -> ShippingLabel:
    """Somebody found that the carrier sold it, with a tracking number for each parcel; it is printed there."""
    label, message = _unsure(label_id)
    given = [number.strip().upper() for number in numbers if number.strip()]
    parcels = label.boxes.count()
    if len(given) != parcels or len(set(given)) != parcels or any(len(number) > 60 for number in given):
        text = "Give the tracking number of each parcel." if parcels > 1 else "Give the tracking number."
        raise InvalidShipment([FieldProblem("numbers", "wrong_numbers", text)])
    outbox.withdraw_sent(message.key, at=at)
    found = Label(given[0], tuple(BoxLabel(number, b"") for number in given), cost=None)
    label_rows.record_bought(label.pk, found, by=by, at=at)
    return label_rows.locked(label_id)


@transaction.atomic
def withdraw(*, label_id: int, by: str, at: datetime) -> ShippingLabel:
    """Not to be bought after all. Raises TransitionNotAllowed while it is being bought, and once it is."""
    label = label_rows.locked(label_id)
    message = label_rows.newest(label, Topic.BUY_LABEL)
    if label.status == LabelStatus.BUYING and not (message and outbox.withdraw(message.key, at=at)):
        raise TransitionNotAllowed("The carrier is being asked right now. Try again in a minute.")
    if label.status == LabelStatus.UNSURE and message:
        outbox.withdraw_sent(message.key, at=at)
    was_wanted = bool(label.bought_by)
    label_rows.move(label, LabelStatus.WITHDRAWN, reason="")
    if was_wanted:
        label_rows.note(label, "withdrawn", f"{by} withdrew label {label.reference}.", by=by, at=at)
    return label


@transaction.atomic
def void(*, label_id: int, by: str, at: datetime) -> ShippingLabel:
    """Promise to give it back. Raises TransitionNotAllowed once it was handed over."""
    label = label_rows.locked(label_id)
    if label.is_shipped:
        raise TransitionNotAllowed("This label was handed over. Take the fulfillment back first.")
    label_rows.move(label, LabelStatus.VOIDING, fulfillment=None, reason="")
    label_rows.promise(label, Topic.VOID_LABEL, at=at)
    label_rows.note(label, "voiding", f"{by} voids label {label.reference}.", by=by, at=at)
    return label


@transaction.atomic
def ship(*, label_id: int, by: str, at: datetime) -> Fulfillment:
    """Its parcels are handed over, with their numbers; the customer is told. Raises as shipping.ship does."""
    label = label_rows.locked(label_id)
    if label.status != LabelStatus.BOUGHT:
        raise TransitionNotAllowed(f"This label cannot be shipped with: {LabelStatus(label.status).label.lower()}.")
    if label.is_shipped:
        raise TransitionNotAllowed("This label was handed over already.")
    parcels = tuple(
        WantedParcel(label.account.carrier, box.number, weight_g=box.weight_g, size_mm=box.size_mm)
        for box in label.boxes.order_by("position").defer("image")
    )
    wanted = Wanted(lines_of(label), parcels)
    label.fulfillment = shipping.ship(order_id=label.order_id, wanted=wanted, by=by, at=at)[0]
    label.save(update_fields=["fulfillment"])
    return label.fulfillment


def is_stale(label: ShippingLabel, *, at: datetime) -> bool:
    return label.rated_at is None or at - label.rated_at > RATES_LAST


def lines_of(label: ShippingLabel) -> tuple[WantedLine, ...]:
    rows = label.lines.select_related("line").order_by("line__position")
    return tuple(WantedLine(row.line.external_id, row.quantity) for row in rows)


# --- what is refused -----------------------------------------------------------------------------------


def _refuse_order(order: Order) -> None:
    open_units.refuse_closed(order)
    if order.has_pickup:
        raise TransitionNotAllowed(f"The customer collects order {order.number}: nothing of it is sent.")


def _refuse_account(label: ShippingLabel) -> None:
    problems = _account_problems(label.order, label.account)
    if problems:
        raise TransitionNotAllowed(problems[0].message)


def _account_problems(order: Order, account: CarrierAccount) -> list[FieldProblem]:
    if account.merchant_id != order.merchant_id:
        return [FieldProblem("carrier", "unknown_carrier", "There is no such carrier.")]
    if account.state != CarrierState.ACTIVE:
        return [FieldProblem("carrier", "disconnected", f"{account.name} is disconnected.")]
    if not CARRIERS[account.carrier].sells_labels:
        text = f"{account.name} sells no labels here. Ship with the number that it gives you."
        return [FieldProblem("carrier", "sells_no_labels", text)]
    return []


def _box_problems(account: CarrierAccount, boxes: Sequence[Box]) -> list[FieldProblem]:
    most = CARRIERS[account.carrier].most_boxes or MOST_BOXES
    if not 1 <= len(boxes) <= most:
        return [FieldProblem("parcels", "wrong_length", f"A label is for 1 to {most} parcels.")]
    problems = []
    for index, box in enumerate(boxes):
        if not 1 <= box.weight_g <= HEAVIEST_G:
            text = "Say what the parcel weighs: the carrier charges by it."
            problems.append(FieldProblem(f"parcels[{index}].weight_g", "bad_weight", text))
        if box.size_mm is not None and not all(1 <= side <= LONGEST_MM for side in box.size_mm):
            text = "Each side of a parcel measures between 1 mm and 20 m."
            problems.append(FieldProblem(f"parcels[{index}].size_mm", "bad_size", text))
    return problems


def _free_units(order: Order, lines: Sequence[WantedLine]) -> dict[OrderLine, int]:
    """Open, and in no other label that is paid for and not handed over. Raises InvalidShipment."""
    units = open_units.chosen(order, lines)
    held = _held(order)
    left = {row.line.pk: row.quantity - held[row.line.pk] for row in open_units.open_lines(order)}
    problems = [
        FieldProblem(
            f"lines[{index}].quantity",
            "in_another_label",
            f"{held[line.pk]} of {line.title} stand in another label. Ship with it, or void it first.",
        )
        for index, (line, quantity) in enumerate(units.items())
        if quantity > left[line.pk]
    ]
    if problems:
        raise InvalidShipment(problems)
    return units


def _held(order: Order) -> Counter[int]:
    """Units in such labels, by the line's pk."""
    held: Counter[int] = Counter()
    holding = ShippingLabel.objects.filter(order=order).holding()
    for line_id, quantity in LabelLine.objects.filter(label__in=holding).values_list("line_id", "quantity"):
        held[line_id] += quantity
    return held


# --- rows ----------------------------------------------------------------------------------------------


def _unsure(label_id: int) -> tuple[ShippingLabel, Any]:
    """The label and the promise that nobody knows the end of. Raises TransitionNotAllowed."""
    label = label_rows.locked(label_id)
    message = label_rows.newest(label, Topic.BUY_LABEL)
    if label.status != LabelStatus.UNSURE or message is None:
        raise TransitionNotAllowed("It is known whether this label was bought.")
    return label, message


def _recipient(order: Order) -> Recipient:
    found = OrderAddress.objects.filter(order=order, kind=AddressKind.SHIPPING).first() or OrderAddress()
    return Recipient(
        name=found.full_name or order.customer_name,
        company=found.company,
        phone=found.phone or order.customer_phone,
        address1=found.address1,
        address2=found.address2,
        city=found.city,
        province_code=found.province_code,
        postcode=found.postcode,
        country_code=found.country_code,
    )


def _value(order: Order, units: dict[OrderLine, int]) -> Decimal:
    """What the units are declared at, rounded half up once."""
    exact = total(document_pages.value_of(line) * many / line.quantity for line, many in units.items())
    return round_half_up(exact, order.currency)


def _box(label: ShippingLabel, position: int, box: Box) -> LabelBox:
    length, width, height = box.size_mm or (None, None, None)
    return LabelBox(
        label=label, position=position, weight_g=box.weight_g, length_mm=length, width_mm=width, height_mm=height
    )
