"""Write docs/order-states.md from the tables in orders/states.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import TextChoices

from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus, PushStatus, RefundStatus
from orders.states import HEADLINE_RULES, ORDER_TRANSITIONS, PAYMENT_TRANSITIONS, PUSH_TRANSITIONS, REFUND_TRANSITIONS

PATH = Path(settings.BASE_DIR) / "docs" / "order-states.md"

_AXES: tuple[tuple[str, type[TextChoices], Mapping[str, frozenset[str]]], ...] = (
    ("Order", OrderStatus, ORDER_TRANSITIONS),
    ("Payment", PaymentStatus, PAYMENT_TRANSITIONS),
    ("Refund", RefundStatus, REFUND_TRANSITIONS),
    ("Push, per destination", PushStatus, PUSH_TRANSITIONS),
)


class Command(BaseCommand):
    help = "Write docs/order-states.md; with --check, only say whether it is up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; fail when the page is stale.")

    def handle(self, *_args: Any, **options: Any) -> None:
        text = "\n".join(page()) + "\n"
        if not options["check"]:
            PATH.write_text(text, encoding="utf-8")
        elif not PATH.exists() or PATH.read_text(encoding="utf-8") != text:
            raise CommandError("docs/order-states.md is stale: run `manage.py order_states`.")


def page() -> Iterator[str]:
    yield "# The states of an order"
    yield ""
    yield "Generated from `orders/states.py` by `manage.py order_states`; do not edit."
    for title, choices, table in _AXES:
        yield from _axis(title, choices, table)
    yield from (
        "",
        "## Fulfillment",
        "",
        ", ".join(f"`{value}`" for value in FulfillmentStatus.values) + ": counted from the lines.",
    )
    yield from _headlines()


def _axis(title: str, choices: type[TextChoices], table: Mapping[str, frozenset[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "", "| state | shown as | may become |", "|---|---|---|")
    for state in choices:
        ways = _list(way for way in choices.values if way in table[state]) or "nothing: it is final"
        yield f"| `{state.value}` | {state.label} | {ways} |"
    yield from ("", "```mermaid", "stateDiagram-v2")
    for state in choices:
        for way in choices.values:
            if way in table[state]:
                yield f"    {state.value} --> {way}"
    yield "```"


def _headlines() -> Iterator[str]:
    yield from ("", "## Headline", "")
    yield from ("The first rule that holds names the order; the database derives the same column.", "")
    yield from ("| headline | order | payment | push | fulfillment |", "|---|---|---|---|---|")
    for rule in HEADLINE_RULES:
        axes = (rule.status, rule.payment, rule.push, rule.fulfillment)
        yield "| " + " | ".join([rule.headline.label, *(", ".join(sorted(axis)) or "any" for axis in axes)]) + " |"


def _list(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)
