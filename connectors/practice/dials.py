"""Faults that can be dialled into a practice store: how many requests each has left, and its seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from connectors.practice.models import PracticeShop


@dataclass(frozen=True, slots=True)
class Dial:
    label: str
    help: str
    seconds: int = 0  # the default, where seconds count
    of_webhooks: bool = False


DIALS: Mapping[str, Dial] = {
    "lost_answer": Dial("Lost answer", "The next orders are created, but the answer never arrives."),
    "hang": Dial("Time-out after create", "The next orders are created; the answer takes this many seconds.", seconds=35),
    "down": Dial("Down", "The next requests are answered 502, and nothing is done."),
    "slow": Dial("Slow", "The next answers take this many seconds.", seconds=3),
    "too_many": Dial("Too many requests", "The next requests are answered 429 with Retry-After.", seconds=5),
    "throttled": Dial("Throttled", "The next requests find the query budget empty."),
    "dead_token": Dial("Dead token", "The next requests are answered 401."),
    "frozen": Dial("Frozen shop", "The next requests are answered 402."),
    "html": Dial("HTML answer", "The next requests get a web page instead of JSON."),
    "torn": Dial("Torn answer", "The next answers end in the middle."),
    "index_lag": Dial("Search lags", "For the next searches, orders younger than this many seconds are not found.", seconds=20),
    "webhooks_off": Dial("No webhooks", "The next webhooks are not sent.", of_webhooks=True),
    "webhooks_twice": Dial("Webhooks twice", "The next webhooks are sent twice.", of_webhooks=True),
    "webhooks_late": Dial("Late webhooks", "The next webhooks come this many seconds late.", seconds=15, of_webhooks=True),
}


def take(shop_id: int, name: str) -> int | None:
    """Use one turn of a dial. Its seconds, None when it is off. Committed at once, whatever the request does later."""
    with transaction.atomic():
        shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
        dial = shop.dials.get(name) or {}
        if dial.get("left", 0) < 1:
            return None
        shop.dials[name] = {**dial, "left": dial["left"] - 1}
        shop.save(update_fields=["dials"])
    return int(dial.get("seconds", 0))


@transaction.atomic
def turn(shop_id: int, name: str, *, left: int, seconds: int) -> None:
    """Set a dial. Raises KeyError for one that does not exist."""
    DIALS[name]
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    shop.dials[name] = {"left": left, "seconds": seconds}
    shop.save(update_fields=["dials"])
