"""Write docs/platforms.md from the capabilities that the drivers declare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors.base import Connector
from connectors.registry import connector_class, form_of, platforms

PATH = Path(settings.BASE_DIR) / "docs" / "platforms.md"

WORDS = {
    "cancel": "Storeward can cancel an order there",
    "tags": "The order carries a tag",
    "notes": "The order carries a note with a link to Storeward",
    "webhooks": "It tells of changes by webhook; without, they are polled",
    "idempotency_key": "The same order sent again is the same order there",
    "lookup_by_reference": "An order is found there by its reference",
    "stock": "It tells its stock, and too little is a blocker",
    "catalog": "Its whole catalog can be read, for linking products",
    "pickup": "It takes orders that the customer collects",
    "updates": "What can be changed on an order that is there",
    "channel": "Orders that customers place there can be read, to be fulfilled elsewhere",
    "supplier": "It is a supplier: it sells to the merchant and sends the goods",
    "test_orders": "It takes test orders",
    "warehouses": "It sends from the warehouses that the merchant chooses",
    "payment_profiles": "It bills a saved card or bank account that the merchant chooses",
    "desk": "It has no service: orders go as files, and so does tracking come back",
    "folders": "Files are put into folders of its server and fetched there; without, they are mailed and uploaded",
    "compares_totals": "Its total is held against what the customer paid, to the cent",
    "restock": "Units of a refund go back into its stock",
    "separate_notes": "Notes are written after the order, each once",
    "fulfills": "It is told what was sent of orders that were placed there",
    "fulfills_parts": "Of a part of an order too; without, once all of it is sent",
    "fulfills_by_place": "What lies at several of its places is told place by place",
    "takes_back": "A fulfillment that it was told of can be taken back there",
    "tracking_key": "Tracking is also read where the merchant says that a plugin keeps it",
    "recalls": "By its tracking and the order's status: a fulfillment is no object of its own there",
    "readies": "It is told that an order that was placed there waits for its customer to pick it up",
    "settings": "Its own settings, as tax rates, are read and kept fresh",
    "unpaid": "It takes orders as unpaid",
    "fulfilled": "It takes orders as fulfilled",
    "unpaid_fulfilled": "It takes orders as unpaid and fulfilled",
    "locations": "A fulfilled order is fulfilled at a location that the merchant chooses",
    "customers": "It makes a customer of an order, or not, as told",
    "emails": "It takes an e-mail address: the customer's, the merchant's or another",
    "tax_lines": "It goes by the name or the rate of a line's tax",
    "shipping": "The order carries what its shipping costs",
    "tag_max": "Characters of a tag",
    "note_max": "Characters of a note",
    "shortest_interval_min": "Minutes between collected orders, at the least",
}


class Command(BaseCommand):
    help = "Write docs/platforms.md; with --check, only say whether it is up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; fail when the page is stale.")

    def handle(self, *_args: Any, **options: Any) -> None:
        text = "\n".join(page()) + "\n"
        if not options["check"]:
            PATH.write_text(text, encoding="utf-8")
        elif not PATH.exists() or PATH.read_text(encoding="utf-8") != text:
            raise CommandError("docs/platforms.md is stale: run `manage.py platforms`.")


def page() -> Iterator[str]:
    drivers = [connector_class(platform.key) for platform in platforms()]
    yield from (
        "# What each platform can do",
        "",
        "Generated from the capabilities of the drivers by `manage.py platforms`; do not edit.",
        "Each is held against what the driver does at the platform's practice store, both ways, by `tests/connectors/*contract.py`: where",
        "a platform cannot do a thing, that it is refused, or left out of what is sent, is tested. How to hold them against real stores:",
        "[testing against real stores](testing-against-real-stores.md).",
        "",
    )
    yield _row("", *(driver.label for driver in drivers))
    yield _row("---", *("---" for _ in drivers))
    for name, words in WORDS.items():
        yield _row(words, *(_told(getattr(driver.capabilities, name)) for driver in drivers))
    yield _row("Seconds until “not found” is believed", *(str(driver.horizon_s) for driver in drivers))
    yield _row("What a person types to connect it", *(_typed(driver) for driver in drivers))
    yield from ("", "Quirks, API versions and sources: " + ", ".join(_readme(driver) for driver in drivers) + ".")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _told(value: bool | int | frozenset[str]) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if value else "none"


def _typed(driver: type[Connector]) -> str:
    return ", ".join(field.label for field in form_of(driver.platform).FIELDS if field.required)


def _readme(driver: type[Connector]) -> str:
    return f"[{driver.label}](../connectors/{driver.platform}/README.md)"
