"""The supplier's inbox: a purchase order that comes by mail becomes an order in its books.

Strict as such an office is: a file that it cannot read, a product that it does not have or a number that it has seen
leaves a line in nobody's books; the mail stays in the mailbox.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from connectors import money
from connectors.practice.models import (
    PracticeEvent,
    PracticeFulfillment,
    PracticeLine,
    PracticeOrder,
    PracticeShop,
    PracticeVariant,
)

COLUMNS = ("po_number", "sku", "quantity", "address1", "city", "postcode", "country")

HEADER = ("po_number", "sku", "quantity", "carrier", "tracking_number", "tracking_url", "shipped_on")

_BY_PK = attrgetter("pk")
_MADE_TEXT = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")

Row = Mapping[str, str]
Sent = tuple[str | int, ...]  # in the order of HEADER


def take(mail: EmailMessage) -> None:
    """Every CSV file in a mail to one of the practice suppliers."""
    shops = PracticeShop.objects.filter(platform="filedrop", domain__in=[each.lower() for each in mail.recipients()])
    for shop in shops:
        for name, content, kind in _files(mail):
            if kind == "text/csv" and name.endswith(".csv"):
                receive(shop, content)


@transaction.atomic
def receive(shop: PracticeShop, content: str, *, by: str = "e-mail") -> PracticeOrder | None:
    """One purchase order; None when the office throws it away."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop.pk)
    rows = [
        {name: _bare(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(content, newline=""))
    ]
    variants = {variant.sku: variant for variant in shop.variants.order_by("pk")}
    if not _is_good(shop, rows, variants):
        return None
    return _store(shop, rows, variants, by=by)


def tracking(shop: PracticeShop) -> str:
    """What was sent of all orders, as the file that goes back."""
    orders = shop.orders.order_by("pk").prefetch_related("fulfillments__lines__line")
    sent = [
        each for order in orders for each in sorted(order.fulfillments.all(), key=_BY_PK) if each.status == "SUCCESS"
    ]
    return sheet(row for each in sent for row in rows_of(each))


def rows_of(sent: PracticeFulfillment) -> Iterator[Sent]:
    """A row for each product, with the first of its parcels."""
    box = next(iter(sent.trackings), {"company": "", "number": "", "url": ""})
    for row in sorted(sent.lines.all(), key=_BY_PK):
        parcel = (box["company"], box["number"], box["url"], sent.created_at.date().isoformat())
        yield (sent.order.source_identifier, row.line.sku, row.quantity, *parcel)


def sheet(rows: Iterable[Sent]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([HEADER, *rows])
    return out.getvalue()


def _files(mail: EmailMessage) -> list[tuple[str, str, str]]:
    return [
        (str(each[0]), str(each[1]), str(each[2])) for each in mail.attachments if isinstance(each, tuple) and each[1]
    ]


def _is_good(shop: PracticeShop, rows: Sequence[Row], variants: Mapping[str, PracticeVariant]) -> bool:
    numbers = {row.get("po_number") for row in rows}
    return (
        len(numbers) == 1
        and all(row.get(column) for row in rows for column in COLUMNS)
        and all(row["quantity"].isdigit() and row["sku"] in variants for row in rows)
        and not shop.orders.filter(source_identifier=rows[0]["po_number"]).exists()
    )


def _store(
    shop: PracticeShop, rows: Sequence[Row], variants: Mapping[str, PracticeVariant], *, by: str
) -> PracticeOrder:
    at, first = timezone.now(), rows[0]
    total = money.total(variants[row["sku"]].price * Decimal(row["quantity"]) for row in rows)
    shop.last_number += 1
    shop.save(update_fields=["last_number"])
    order = PracticeOrder.objects.create(
        shop=shop,
        name=f"E{shop.last_number}",
        source_identifier=first["po_number"],
        created_at=at,
        updated_at=at,
        currency=shop.currency,
        taxes_included=False,
        subtotal=total,
        total=total,
        details={"shippingAddress": _address(first), "shippingLines": [{"title": first.get("shipping_method", "")}]},
    )
    PracticeLine.objects.bulk_create(
        PracticeLine(
            order=order,
            variant=variants[row["sku"]],
            sku=row["sku"],
            title=variants[row["sku"]].title,
            quantity=int(row["quantity"]),
            price=variants[row["sku"]].price,
            requires_shipping=True,
        )
        for row in rows
    )
    PracticeEvent.objects.create(order=order, at=at, text=f"PO {order.source_identifier} came by {by}.")
    return order


def _bare(cell: Any) -> Any:
    """As a person reads it in a spreadsheet: the apostrophe that makes a cell text is not shown."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and cell[1:2] in _MADE_TEXT else cell


def _address(row: Row) -> dict[str, str]:
    return {
        "firstName": row.get("ship_to_name", ""),
        "company": row.get("ship_to_company", ""),
        "address1": row["address1"],
        "address2": row.get("address2", ""),
        "city": row["city"],
        "provinceCode": row.get("state", ""),
        "zip": row["postcode"],
        "countryCode": row["country"],
        "phone": row.get("phone", ""),
    }
