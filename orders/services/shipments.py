"""Fulfillments as the destination has them: their lines, their parcels, and how much of each line they make up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, Sum

from connectors.base import ShipmentLine, ShipmentNotice
from connectors.models import ProductLink
from orders.enums import ShipmentStatus
from orders.models import Fulfillment, FulfillmentLine, OrderLine, OrderPush, Parcel
from orders.services import history, still_due

URL_MAX, NUMBER_MAX, CARRIER_MAX = 500, 120, 100


def record(push: OrderPush, shipments: Iterable[ShipmentNotice], *, at: datetime) -> None:
    """Make the push's fulfillments those of the destination. Inside a transaction, under the order's lock."""
    rows = list(push.push_lines.select_related("line").order_by("line__position"))
    lines = [row.line for row in rows]
    asked = {row.line_id: still_due.units_of(row, as_sent=True) for row in rows}
    in_order = sorted(shipments, key=lambda shipment: shipment.remote_id)
    contents = _allocate(in_order, lines, asked, _linked(push, in_order))
    for shipment in in_order:
        _Shipment(push, shipment, contents[shipment.remote_id], lines, at).record()
    _take_back_vanished(push, in_order, at=at)


def sent(fulfillments: QuerySet[Fulfillment]) -> dict[int, int]:
    """Units that stand as sent in these fulfillments, by line."""
    rows = FulfillmentLine.objects.filter(fulfillment__in=fulfillments, fulfillment__status=ShipmentStatus.SUCCESS)
    return dict(rows.values_list("line").annotate(units=Sum("quantity")).order_by())


def _take_back_vanished(push: OrderPush, there: Sequence[ShipmentNotice], *, at: datetime) -> None:
    """A fulfillment that was deleted there sends nothing. One that comes back is recorded as if it were new."""
    gone = Fulfillment.objects.filter(push=push, status=ShipmentStatus.SUCCESS)
    for row in gone.exclude(remote_id__in=[shipment.remote_id for shipment in there]):
        row.status, row.remote_updated_at = ShipmentStatus.CANCELLED, None
        row.save(update_fields=["status", "remote_updated_at"])
        name = push.connection.name
        text = f"A fulfillment was taken back: it is not in {name} any more."
        history.note(push.order, kind="fulfillment.changed", text=text, by=name, at=at, fulfillment=row.pk)


@dataclass(frozen=True, slots=True)
class _Shipment:
    """One fulfillment there on its way to becoming our row."""

    push: OrderPush
    notice: ShipmentNotice
    quantities: Mapping[int, int]  # by our line's pk
    lines: Sequence[OrderLine]
    at: datetime

    def record(self) -> None:
        row = Fulfillment.objects.filter(push=self.push, remote_id=self.notice.remote_id).first()
        if row is None:
            self._add()
        elif not _overtaken(self.notice, row):
            self._change(row)

    def _add(self) -> None:
        row = Fulfillment.objects.create(
            order=self.push.order,
            push=self.push,
            remote_id=self.notice.remote_id,
            status=self.notice.status,
            shipped_at=self.notice.shipped_at,
            remote_updated_at=self.notice.updated_at,
            created_at=self.at,
        )
        self._set_lines(row)
        tracking = _set_parcels(row, self.notice)
        if row.status == ShipmentStatus.SUCCESS:
            self._note("new", f"Fulfilled: {self._contents()}" + (f". Tracking: {tracking}." if tracking else "."), row)

    def _change(self, row: Fulfillment) -> None:
        status_before, row.status = row.status, self.notice.status
        row.shipped_at, row.remote_updated_at = self.notice.shipped_at, self.notice.updated_at or row.remote_updated_at
        row.save(update_fields=["status", "shipped_at", "remote_updated_at"])
        other_lines = self._set_lines(row)
        tracking = _set_parcels(row, self.notice)
        if row.status != status_before:
            verb = "Fulfilled after all" if row.status == ShipmentStatus.SUCCESS else "A fulfillment was taken back"
            self._note("changed", f"{verb}: {self._contents()}.", row)
        elif other_lines:
            self._note("changed", f"A fulfillment was changed: {self._contents()}.", row)
        if tracking:
            self._note("tracking", f"Tracking added: {tracking}.", row)

    def _set_lines(self, row: Fulfillment) -> bool:
        """True when they were different."""
        known = dict(row.lines.values_list("line_id", "quantity"))
        if known == self.quantities:
            return False
        row.lines.all().delete()
        FulfillmentLine.objects.bulk_create(
            FulfillmentLine(fulfillment=row, line_id=line_id, quantity=units)
            for line_id, units in self.quantities.items()
        )
        return True

    def _contents(self) -> str:
        ours = [f"{self.quantities[line.pk]} × {line.title}" for line in self.lines if line.pk in self.quantities]  # noqa: RUF001  # the sign that people read
        return ", ".join(ours) or "nothing of this order"

    def _note(self, what: str, text: str, row: Fulfillment) -> None:
        name = self.push.connection.name
        history.note(self.push.order, kind=f"fulfillment.{what}", text=text, by=name, at=self.at, fulfillment=row.pk)


def _overtaken(notice: ShipmentNotice, row: Fulfillment) -> bool:
    """Whether the row knows better: it is newer, or, within the same instant, taken back already."""
    if notice.updated_at is None or row.remote_updated_at is None:
        return False
    if notice.updated_at == row.remote_updated_at:
        return row.status != ShipmentStatus.SUCCESS and notice.status == ShipmentStatus.SUCCESS
    return notice.updated_at < row.remote_updated_at


def _linked(push: OrderPush, shipments: Iterable[ShipmentNotice]) -> dict[str, Set[str]]:
    """Our SKUs by the destination's variant that stands for them; asked for only where lines come back by variant."""
    variants = {line.variant_id for shipment in shipments for line in shipment.lines if line.variant_id}
    skus: dict[str, set[str]] = defaultdict(set)
    if variants:
        links = ProductLink.objects.filter(connection_id=push.connection_id, variant_id__in=variants)
        for sku, variant_id in links.values_list("sku", "variant_id"):
            skus[variant_id].add(sku)
    return dict(skus)


def _allocate(
    shipments: Iterable[ShipmentNotice],
    lines: Sequence[OrderLine],
    asked: Mapping[int, int],
    linked: Mapping[str, Set[str]],
) -> dict[str, Counter[int]]:
    """Units of our lines in each shipment, by the shipment's remote id. What is none of our lines is left out.

    `asked` are the units of each line that the destination has to send.
    """
    room = dict(asked)
    contents: dict[str, Counter[int]] = {}
    for shipment in shipments:
        counts = shipment.status == ShipmentStatus.SUCCESS
        free = room if counts else dict(asked)
        contents[shipment.remote_id] = Counter()
        for sent in shipment.lines:
            contents[shipment.remote_id].update(_spread(sent, _ours(sent, lines, linked), free))
    return contents


def _ours(sent: ShipmentLine, lines: Sequence[OrderLine], linked: Mapping[str, Set[str]]) -> list[OrderLine]:
    """Our lines by the line id that came back, else by the product link, else by SKU."""
    skus = linked.get(sent.variant_id, frozenset())
    return (
        [line for line in lines if line.public_id == sent.line_id]
        or [line for line in lines if line.sku in skus]
        or [line for line in lines if line.sku and line.sku == sent.sku]
    )


def _spread(sent: ShipmentLine, ours: Sequence[OrderLine], room: dict[int, int]) -> dict[int, int]:
    """From the first line on; units too many stay with the last line."""
    left, parts = sent.quantity, {}
    for line in ours:
        part = left if line is ours[-1] else min(left, max(room[line.pk], 0))
        if part > 0:
            parts[line.pk] = part
            room[line.pk] -= part
            left -= part
    return parts


def _set_parcels(row: Fulfillment, notice: ShipmentNotice) -> str:
    """Make the parcels those of the notice. Returns the new ones in words; empty when there is none."""
    wanted = {
        (parcel.number or parcel.url)[:NUMBER_MAX]: parcel for parcel in notice.parcels if parcel.number or parcel.url
    }
    row.parcels.exclude(number__in=wanted).delete()
    new = []
    for number, parcel in wanted.items():
        url = parcel.url if len(parcel.url) <= URL_MAX else ""  # half an address leads nowhere
        _, created = Parcel.objects.update_or_create(
            fulfillment=row, number=number, defaults={"carrier": parcel.carrier[:CARRIER_MAX], "url": url}
        )
        if created:
            new.append(f"{parcel.carrier} {number}".strip())
    return ", ".join(new)
