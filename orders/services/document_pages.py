"""What stands in a packing slip and in a commercial invoice. Writes rows that were read and checked before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pycountry

from accounts.models import Merchant
from connectors.money import plain, round_half_up, total
from orders.enums import AddressKind, DocumentKind
from orders.models import Order, OrderAddress, OrderLine
from orders.services.document_sheet import Column, Sheet

_SLIP = (Column("SKU", 0.24), Column("Item", 0.52), Column("Units", 0.12, True), Column("Sent already", 0.12, True))
_INVOICE = (
    Column("Description", 0.34), Column("HS code", 0.13), Column("Made in", 0.15), Column("Units", 0.08, True),
    Column("Unit value", 0.14, True), Column("Value", 0.16, True),
)  # fmt: skip
_DECLARATION = (
    "I declare that the information in this invoice is true and correct, and that the goods are of the origin stated."
)


@dataclass(frozen=True, slots=True)
class Packed:
    """Units of one line that are sent from here."""

    line: OrderLine
    units: int  # 1 or more
    sent: int  # of them, already

    def value(self, currency: str) -> Decimal:
        """Their share of what the line is declared at."""
        return round_half_up(value_of(self.line) * self.units / self.line.quantity, currency)


@dataclass(frozen=True, slots=True)
class Content:
    """One document: its order with addresses read, and what is sent."""

    order: Order
    lines: Sequence[Packed]
    address: OrderAddress | None  # None: the customer collects it
    billing: OrderAddress | None = None
    incoterm: str = ""
    freight: Decimal = Decimal(0)  # of what is sent from here, in the order's currency


def write(kind: DocumentKind, contents: Sequence[Content]) -> bytes:
    """One PDF of them all, in this order; the same contents are the same bytes."""
    merchant = contents[0].order.merchant
    sheet = Sheet(f"{kind.label}: {merchant.name}", paper_of=merchant.country_code)
    for content in contents:
        country = content.address.country_code if content.address else merchant.country_code
        sheet.begin(f"{merchant.name} · {kind.label} · {content.order.number}", country=country)
        if kind == DocumentKind.PACKING_SLIP:
            _packing_slip(sheet, content)
        else:
            _commercial_invoice(sheet, content)
    return sheet.end()


def value_of(line: OrderLine) -> Decimal:
    """What the whole line is declared at: as typed, else what the customer pays for it."""
    return line.amount if line.customs_value is None else line.customs_value


def _packing_slip(sheet: Sheet, content: Content) -> None:
    order = content.order
    sheet.text("Packing slip", size=20)
    sheet.text(f"Order {order.number} · {_date(order)} · {order.channel.name}", gray=True)
    sheet.space(14)
    to = ("Ship to", _recipient(order, content.address)) if content.address else ("To be picked up at", _place(order))
    sheet.side_by_side([("From", _sender(order.merchant)), to])
    sheet.space(16)
    rows = [(row.line.sku or "–", row.line.title, str(row.units), str(row.sent)) for row in content.lines]  # noqa: RUF001  # a dash for nothing
    sheet.table(_SLIP, rows)
    sheet.space(8)
    sheet.text(f"{sum(row.units for row in content.lines)} units", gray=True)
    if order.customer_note:
        sheet.space(10)
        sheet.text("Note from the customer", gray=True)
        sheet.text(order.customer_note)


def _commercial_invoice(sheet: Sheet, content: Content) -> None:
    order = content.order
    sheet.text("Commercial invoice", size=20)
    sheet.text(f"Order {order.number} · {_date(order)}", gray=True)
    sheet.space(14)
    sheet.side_by_side(
        [
            ("Exporter", _sender(order.merchant)),
            ("Consignee", _recipient(order, content.address)),
            ("Buyer", _recipient(order, content.billing or content.address)),
        ]
    )
    sheet.space(12)
    known = (("Invoice number", order.invoice_number), ("Invoice key", order.invoice_key))
    facts = [(label, [value]) for label, value in known if value]
    sheet.side_by_side(
        [*facts, ("Incoterm 2020", [content.incoterm]), ("Reason for export", ["Sale"]), ("Currency", [order.currency])]
    )
    sheet.space(16)
    sheet.table(_INVOICE, [_declared(row, order.currency) for row in content.lines])
    sheet.space(8)
    sheet.amounts(_sums(content))
    sheet.space(26)
    sheet.text(_DECLARATION, gray=True)
    sheet.space(30)
    sheet.side_by_side([("Name", []), ("Signature", []), ("Date", [])])


def _declared(row: Packed, currency: str) -> tuple[str, ...]:
    line, value = row.line, row.value(currency)
    unit = round_half_up(value / row.units, currency)
    words = f"{line.title} ({line.sku})" if line.sku else line.title
    made_in = _country(line.origin_country)
    return words, line.hs_code, made_in, str(row.units), plain(unit, currency), plain(value, currency)


def _sums(content: Content) -> list[tuple[str, str]]:
    """The goods' share of a discount counts where values are those that the customer pays; typed ones have it inside."""
    order = content.order
    goods = total(row.value(order.currency) for row in content.lines)
    typed = any(row.line.customs_value is not None for row in content.lines)
    all_lines = total(line.amount for line in order.lines.all())
    share = round_half_up(order.discount * goods / all_lines, order.currency) if all_lines else Decimal(0)
    discount = Decimal(0) if typed else min(share, goods)
    rows = [("Goods", goods), ("Discount", -discount), ("Freight", content.freight)]
    rows = [row for row in rows if row[1] or row[0] == "Goods"]
    rows.append(("Total", total(amount for _, amount in rows)))
    return [(name, f"{plain(amount, order.currency)} {order.currency}") for name, amount in rows]


def _sender(merchant: Merchant) -> list[str]:
    town = f"{merchant.city} {merchant.province_code} {merchant.postcode}".strip()
    return [merchant.name, merchant.address1, merchant.address2, town, _country(merchant.country_code)]


def _recipient(order: Order, address: OrderAddress | None) -> list[str]:
    if address is None:
        return [order.customer_name]
    town = f"{address.city} {address.province_code} {address.postcode}".strip()
    name = address.full_name or order.customer_name
    country = _country(address.country_code)
    return [name, address.company, address.address1, address.address2, town, country, address.phone]


def _place(order: Order) -> list[str]:
    return [order.pickup_name, order.pickup_address, f"For {order.customer_name}" if order.customer_name else ""]


def _country(code: str) -> str:
    found = pycountry.countries.get(alpha_2=code) if code else None
    return f"{found.name} ({code})" if found else code


def _date(order: Order) -> str:
    day = order.placed_at.astimezone(order.merchant.zone)
    return f"{day.day} {day:%B %Y}"


def addresses_of(order: Order) -> dict[str, OrderAddress]:
    """From rows that are read already."""
    return {AddressKind(address.kind): address for address in order.addresses.all()}
