"""Words with fields in braces, as "Order {order_number}": what merchants write for tags and notes.

Read with string.Formatter's parser and filled by looking names up, never by str.format: a template reaches nothing but
the values that it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import TypedDict

from connectors.models import Connection, SyncSettings
from connectors.registry import connector_class
from orders.models import Order
from orders.services.links_to import order_url

# What every order has, with what it stands for.
FIELDS: Mapping[str, str] = {
    "order_number": "the order's number",
    "channel": "where it was placed",
    "order_url": "the order's page in Storeward",
    "placed_date": "the day it was placed",
    "customer_name": "the customer's name",
    "customer_note": "what the customer wrote",
    "delivery": "Delivery or Click and collect",
    "shipping_method": "how it is shipped",
}
# What wholesale marketplaces tell of an order; empty where they do not.
USUAL = ("payment_terms", "line_sheet", "po_number")
_RECENT = 200


class TemplateRefused(Exception):
    """The template cannot be filled; the text says why to whoever wrote it."""


class Tried(TypedDict):
    """One template on one order: what it would come to, or why it cannot be."""

    name: str
    label: str
    text: str
    error: str
    most: int  # characters that the store takes


def saved(connection: Connection) -> dict[str, str]:
    """The connection's templates by their names."""
    chosen = connection.sync_settings
    return {"tag_template": chosen.tag_template, "note_template": chosen.note_template}


def trials(connection: Connection, order: Order, templates: Mapping[str, str]) -> list[Tried]:
    """Each text that the platform has, as `order` would get it."""
    offers = connector_class(connection.platform).capabilities
    known, values = known_fields(connection), values_of(order)
    shown: list[Tried] = []
    for name, label, most in (("tag_template", "Tag", offers.tag_max), ("note_template", "Note", offers.note_max)):
        if not most:
            continue
        row: Tried = {"name": name, "label": label, "text": "", "error": "", "most": most}
        try:
            row["text"] = trial(templates[name], values, known, most=most, one_line=name == "tag_template")
        except TemplateRefused as refusal:
            row["error"] = str(refusal)
        shown.append(row)
    return shown


def check(template: str, known: Collection[str]) -> None:
    """Raises TemplateRefused for braces that do not pair and for a field that no order has."""
    for _, name in _parts(template):
        if name is not None and name not in known:
            fields = ", ".join(f"{{{each}}}" for each in known)
            raise TemplateRefused(f"No order has a field {{{name}}}. There are: {fields}.")


def least_length(template: str) -> int:
    """Characters that are there whatever the fields hold. Raises TemplateRefused."""
    return sum(len(text) for text, _ in _parts(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """A field that the order lacks is empty; a line of which every field is empty is left out."""
    lines = (_line(line, values) for line in template.splitlines())
    return "\n".join(line for line in lines if line is not None).strip()


def trial(template: str, values: Mapping[str, str], known: Collection[str], *, most: int, one_line: bool) -> str:
    """What an order would get. Raises TemplateRefused, also for a text that is longer than the store takes."""
    check(template, known)
    text = (fill_line if one_line else fill)(template, values)
    if len(text) > most:
        raise TemplateRefused(
            f"For this order it has {len(text)} characters; the store takes {most}: it would be blocked."
        )
    return text


def fill_line(template: str, values: Mapping[str, str]) -> str:
    """The same as one line, whatever the values hold."""
    return " ".join(fill(template, values).split())


def known_fields(connection: Connection) -> list[str]:
    """Those of every order, the usual ones of wholesale, and every detail that the merchant's latest orders have.

    What the saved templates use stays known when no recent order has it any more.
    """
    latest = Order.objects.filter(merchant_id=connection.merchant_id).order_by("-placed_at", "-pk")
    seen = {name for details in latest.values_list("attributes", flat=True)[:_RECENT] for name in details}
    saved = SyncSettings.objects.filter(connection=connection).values_list("tag_template", "note_template")
    used = {name for row in saved for template in row for _, name in _parts(template) if name}
    return list(dict.fromkeys([*FIELDS, *USUAL, *sorted(seen | used)]))


def values_of(order: Order) -> dict[str, str]:
    """Every field of one order, by name. A detail called as one of ours does not replace it, unless ours is empty."""
    ours = {
        "order_number": order.number,
        "channel": order.channel.name,
        "order_url": order_url(order),
        "placed_date": f"{order.placed_at.astimezone(order.merchant.zone):%Y-%m-%d}",
        "customer_name": order.customer_name,
        "customer_note": order.customer_note,
        "delivery": order.get_delivery_display(),
        "shipping_method": order.shipping_title,
    }
    told = {name: str(value) for name, value in order.attributes.items()}
    return told | {name: value for name, value in ours.items() if value or name not in told}


def _line(line: str, values: Mapping[str, str]) -> str | None:
    parts = [(text, None if name is None else values.get(name, "")) for text, name in _parts(line)]
    fields = [value for _, value in parts if value is not None]
    if fields and not any(fields):
        return None
    return "".join(text + (value or "") for text, value in parts)


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Text, and the name of the field after it; None after the last text."""
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        text = "A brace has no partner. Write {{ or }} for a brace that stands for itself."
        raise TemplateRefused(text) from error
    for text, name, spec, conversion in parsed:
        if spec or conversion:
            raise TemplateRefused(f"A field is a name alone: write {{{name}}}, without “:” or “!”.")
        yield text, name
