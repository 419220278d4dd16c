"""What becomes of a label, under its order's lock: its states, what the carrier gave for it, what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import new_public_id
from accounts.services import audit
from connectors.carriers.base import Place
from connectors.carriers.labels import Box, BoxLabel, Label, LabelRequest, Rate, Recipient
from connectors.money import Money, plain
from orders import outbox
from orders.enums import Topic
from orders.errors import TransitionNotAllowed
from orders.models import LABEL_TRANSITIONS, LabelBox, LabelStatus, Order, OutboxMessage, ShippingLabel
from orders.services import history, notices
from orders.services.transitions import lock


def locked(label_id: int) -> ShippingLabel:
    """The label, under its order's lock."""
    order = lock(ShippingLabel.objects.values_list("order_id", flat=True).get(pk=label_id))
    label = ShippingLabel.objects.select_related("account", "fulfillment").get(pk=label_id)
    label.order = order
    return label


def request_of(label: ShippingLabel) -> LabelRequest:
    """As the carrier gets it."""
    return LabelRequest(
        reference=label.reference,
        sender=Place(**label.place),
        recipient=Recipient(**label.recipient),
        boxes=tuple(Box(box.weight_g, box.size_mm) for box in label.boxes.order_by("position").defer("image")),
        contents=label.contents,
        value=Money(label.value, label.order.currency),
        service=label.service,
    )


def move(label: ShippingLabel, to: LabelStatus, **fields: Any) -> None:
    """Raises TransitionNotAllowed."""
    if to not in LABEL_TRANSITIONS[label.status]:
        raise TransitionNotAllowed(f"This label is not to be changed so: {LabelStatus(label.status).label.lower()}.")
    label.status = to
    for name, value in fields.items():
        setattr(label, name, value)
    label.save(update_fields=["status", *fields])


def promise(label: ShippingLabel, topic: Topic, *, at: datetime) -> None:
    """Under a new key each time: a promise that was kept or withdrawn is never renewed."""
    key = f"{topic}:{label.public_id}:{new_public_id()}"
    outbox.post(topic, order=label.order, key=key, at=at, payload={"label": label.pk})


def newest(label: ShippingLabel, topic: Topic) -> OutboxMessage | None:
    begin = f"{topic}:{label.public_id}:"
    return OutboxMessage.objects.filter(key__startswith=begin).order_by("-pk").first()


def note(label: ShippingLabel, what: str, text: str, *, by: str, at: datetime) -> None:
    history.note(label.order, kind=f"label.{what}", text=text, by=by, at=at, label=label.public_id)


def record_rates(label_id: int, rates: Sequence[Rate], *, at: datetime) -> None:
    """Inside the transaction that finishes the message. One that was withdrawn meanwhile stays so."""
    label = locked(label_id)
    if label.status != LabelStatus.RATING:
        return
    rows = [
        {
            "service": rate.service,
            "name": rate.name,
            "amount": plain(rate.amount.amount, rate.amount.currency),
            "currency": rate.amount.currency,
            "days": rate.days,
        }
        for rate in rates
    ]
    move(label, LabelStatus.RATED, rates=rows, rated_at=at, reason="")


def record_bought(label_id: int, bought: Label, *, by: str, at: datetime) -> None:
    """The carrier has sold it. Inside the transaction that finishes the message, or settles what nobody knew."""
    label = locked(label_id)
    cost = bought.cost
    move(
        label,
        LabelStatus.BOUGHT,
        number=bought.number[:60],
        cost_amount=cost.amount if cost else None,
        cost_currency=cost.currency if cost else "",
        bought_at=at,
        reason="",
    )
    _keep(label, bought.boxes)
    numbers = ", ".join(box.number for box in bought.boxes)
    text = (
        f"Label {label.reference} bought from {label.account.name}: {label.service_name}, {_price(label)}. {numbers}."
    )
    note(label, "bought", text, by=by, at=at)
    _audit(label, "label.bought", by=label.bought_by, at=at)


def record_refusal(label_id: int, reason: str, *, at: datetime) -> None:
    """No rates, or no label; nothing was charged. Inside a transaction."""
    label = locked(label_id)
    was_buying = label.status == LabelStatus.BUYING
    move(label, LabelStatus.REFUSED, reason=reason[:500])
    if was_buying:
        text = f"Label {label.reference} was not bought from {label.account.name}: {reason}"
        note(label, "refused", text, by=history.STOREWARD, at=at)
        _tell(label, "label_refused", text, at=at)


def record_unsure(label_id: int, reason: str, *, since: datetime, at: datetime) -> None:
    """It may have been sold. Inside a transaction."""
    label = locked(label_id)
    move(label, LabelStatus.UNSURE, reason=reason[:500], maybe_bought_at=label.maybe_bought_at or since)
    text = f"Label {label.reference} may have been bought from {label.account.name}: {reason}"
    note(label, "unsure", text, by=history.STOREWARD, at=at)
    _tell(label, "label_unsure", text, at=at)


def record_voided(label_id: int, *, at: datetime) -> None:
    """Inside the transaction that finishes the message."""
    label = locked(label_id)
    move(label, LabelStatus.VOIDED, voided_at=at, reason="")
    text = f"{label.account.name} voided label {label.reference}, {_price(label)}. Numbers like {label.number} lead nowhere now."
    note(label, "voided", text, by=label.account.name, at=at)
    _audit(label, "label.voided", by=label.account.name, at=at)


def record_kept(label_id: int, reason: str, *, at: datetime) -> None:
    """It would not be voided. Inside a transaction."""
    label = locked(label_id)
    move(label, LabelStatus.BOUGHT, reason=reason[:500])
    note(label, "kept", f"Label {label.reference} was not voided: {reason}", by=history.STOREWARD, at=at)


def forget_customer(order: Order) -> None:
    """Take name and address out of the order's labels, and away their pictures. Inside a transaction."""
    nobody = dict.fromkeys(Recipient.__slots__, "")
    ShippingLabel.objects.filter(order=order).update(recipient=nobody)
    LabelBox.objects.filter(label__order=order).update(image=None)


def forget_pictures(*, before: datetime) -> None:
    """Labels that were bought before are printed, or are never."""
    LabelBox.objects.filter(label__bought_at__lt=before, image__isnull=False).update(image=None)


def _keep(label: ShippingLabel, boxes: Sequence[BoxLabel]) -> None:
    for row, box in zip(label.boxes.order_by("position"), boxes, strict=True):
        row.number, row.image = box.number[:60], box.image or None
        row.save(update_fields=["number", "image"])


def _price(label: ShippingLabel) -> str:
    if label.cost is None:
        return f"quoted at {label.quoted} (the carrier did not say what it charged)"
    return str(label.cost) if label.cost == label.quoted else f"{label.cost} rather than the quoted {label.quoted}"


def _tell(label: ShippingLabel, kind: notices.MerchantNotice, text: str, *, at: datetime) -> None:
    """One mail for each time that it comes to this."""
    times = label.order.events.filter(kind=f"label.{label.status}", data__label=label.public_id).count()
    notices.promise_merchant(label.order, kind=kind, cause_key=f"{label.public_id}:{times}", at=at, reason=text)


def _audit(label: ShippingLabel, kind: str, *, by: str, at: datetime) -> None:
    subject = f"{label.reference}, {label.service_name}, order {label.order.number}"
    audit.record(
        merchant=label.order.merchant, kind=kind, subject=subject, by=by, at=at,
        label=label.public_id, quoted=str(label.quoted), cost=str(label.cost or ""), number=label.number,
    )  # fmt: skip
