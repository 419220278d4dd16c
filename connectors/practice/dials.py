"""Faults that can be dialled into a practice store: how many turns each has left, and its seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from connectors.practice.models import PracticeShop


@dataclass(frozen=True, slots=True)
class Dial:
    """A fault in words for people who try things out: what the store does, and what to expect of the portal."""

    label: str
    help: str
    expect: str
    seconds: int = 0  # the default; 0 where seconds mean nothing


HALF_MADE, ALL_ORDERS = "half_made", "all_orders"
# Groups out of which each platform makes the list of those that mean something there.
HTTP = frozenset({"lost_answer", "hang", "down", "slow", "too_many", "dead_token", "html", "torn"})
ACCESS = frozenset({"short_access", "lost_access", "refused_access"})  # where access runs out and is renewed
FORGED, ASTRAY, OTHER_VERSION = "webhooks_forged", "webhooks_astray", "webhooks_version"
WEBHOOKS = frozenset({"webhooks_off", "webhooks_twice", "webhooks_late", "webhooks_swapped", FORGED, ASTRAY})

DIALS: Mapping[str, Dial] = {
    "lost_answer": Dial(
        "Lost answer",
        "The next orders are created, but the answer is an error 500.",
        "The outcome is unknown: the portal looks for the order, finds it, and sends no second one.",
    ),
    HALF_MADE: Dial(
        "Dies halfway",
        "The next orders are saved as pending and without lines; then PHP dies, and the answer is an error 500.",
        "The portal finds the order, waits until nobody can be at work on it any more, and completes it there.",
    ),
    "hang": Dial(
        "Time-out after create",
        "The next orders are created; the answer comes after this many seconds, when nobody waits any more.",
        "As with a lost answer: looked for, found, one order.",
        seconds=35,
    ),
    "down": Dial(
        "Down",
        "The next requests are answered 502, and nothing is done.",
        "The portal tries again later. An order that may have been sent is looked for first.",
    ),
    "maintenance": Dial(
        "Maintenance",
        "The next requests are answered 503 with Retry-After of this many seconds; nothing is done.",
        "The portal tries again when that time is over. An order that may have been sent is looked for first.",
        seconds=600,
    ),
    "database_down": Dial(
        "Database down",
        "The next requests are answered 500 with a page that says “Database Error”; nothing is done.",
        "The portal tries again later. An order that may have been sent is looked for first.",
    ),
    "slow": Dial("Slow", "The next answers take this many seconds.", "Nothing but patience.", seconds=3),
    "too_many": Dial(
        "Too many requests",
        "The next requests are answered 429 with Retry-After of this many seconds; nothing is done.",
        "The portal waits that long before it speaks to the store again.",
        seconds=5,
    ),
    "throttled": Dial(
        "Throttled",
        "The next requests find the query budget empty; nothing is done.",
        "The portal waits until the budget has come back.",
    ),
    "dead_token": Dial(
        "Dead token",
        "The next requests are answered 401.",
        "The connection asks to be reconnected, and its orders wait for that.",
    ),
    "frozen": Dial(
        "Frozen shop",
        "The next requests are answered 402.",
        "The connection is paused, and its orders wait.",
    ),
    "dormant": Dial(
        "Dormant shop",
        "The next orders are refused with SHOP_DORMANT; the rest works.",
        "The connection is paused, and its orders wait.",
    ),
    "unique_ids": Dial(
        "Ids are unique",
        "The next orders whose id metafield another order has are refused, and nothing is done.",
        "The portal looks for that order and adopts it: one order.",
    ),
    "html": Dial(
        "HTML answer",
        "The next requests get a web page instead of JSON; nothing is done.",
        "Not taken for an answer: tried again, and an order is looked for first.",
    ),
    "torn": Dial(
        "Torn answer",
        "The next requests are carried out, but their answers end in the middle.",
        "As with a lost answer: looked for, found, one order.",
    ),
    "index_lag": Dial(
        "Search lags",
        "For the next searches, orders younger than this many seconds are not there yet.",
        "“Not found” is not believed before the lag can be over: no second order.",
        seconds=20,
    ),
    "short_access": Dial(
        "Short access",
        "The next access that is given lives this many seconds only.",
        "The portal renews it by itself, ahead of time or when the store refuses it.",
        seconds=90,
    ),
    "lost_access": Dial(
        "Lost access",
        "The next access is given, but the answer is an error 500.",
        "The portal keeps what it has and asks again a minute later.",
    ),
    "refused_access": Dial(
        "Refused renewal",
        "The next renewals of access are refused for good.",
        "The connection asks to be reconnected as soon as its access has run out.",
    ),
    "webhooks_off": Dial(
        "No webhooks",
        "The next webhooks are not sent.",
        "The portal finds out by itself when it next asks for changes.",
    ),
    "webhooks_twice": Dial(
        "Webhooks twice",
        "The next webhooks are sent twice, under one id.",
        "Nothing happens twice; the customer gets one e-mail.",
    ),
    "webhooks_late": Dial(
        "Late webhooks",
        "The next webhooks come this many seconds late (30 at the most).",
        "The portal reads the truth when they come, or finds out before.",
        seconds=15,
    ),
    "webhooks_swapped": Dial(
        "Webhooks out of order",
        "The next webhooks wait until the one after them was sent.",
        "The order shows what is true now, whatever was told last.",
    ),
    FORGED: Dial(
        "Wrong signature",
        "The next webhooks carry a signature that does not fit.",
        "The portal answers 401 and does nothing. It finds out by itself when it next asks for changes.",
    ),
    ASTRAY: Dial(
        "Webhooks of another shop",
        "The next webhooks name another shop, and are signed as they should be.",
        "The portal answers 401 and does nothing. It finds out by itself when it next asks for changes.",
    ),
    OTHER_VERSION: Dial(
        "Webhooks of another version",
        "The next webhooks are written in the API version before, as if the app's settings named it.",
        "They are taken. The connection's health says which version to choose in the app's settings.",
    ),
    "denied": Dial(
        "Access refused",
        "The next requests are answered 403.",
        "The connection asks to be reconnected, and its orders wait for that.",
    ),
    "locked": Dial(
        "Locked shop",
        "The next requests are answered 423.",
        "The connection is paused, and its orders wait.",
    ),
    "suspected": Dial(
        "Security rejection",
        "The next requests are answered 430; nothing is done.",
        "The portal leaves the store alone for ten minutes.",
    ),
    "internal": Dial(
        "Internal error",
        "The next requests are carried out, but answered 200 with INTERNAL_SERVER_ERROR and no data.",
        "As with a lost answer: looked for, found, one order.",
    ),
    ALL_ORDERS: Dial(
        "All orders",
        "In the next requests the app has read_all_orders: orders older than 60 days are shown too. Otherwise they are hidden.",
        "The portal reads old orders. Without it, it says that the store does not show them, and takes none for deleted.",
    ),
    "cancelling": Dial(
        "Cancelling already",
        "The next cancellations are refused: one is in progress.",
        "The portal asks again until the order is cancelled.",
    ),
    "takes_part": Dial(
        "Takes a part",
        "The next orders are placed without the lines that are out of stock, though they asked for all or nothing.",
        "The order is held, and says what is missing. What was placed is not placed again.",
    ),
    "other_key": Dial(
        "Another server key",
        "The next connections are answered under a key that nobody has seen.",
        "Nothing is said to it. The connection asks to be reconnected, and shows the new key to be confirmed.",
    ),
    "no_folder": Dial(
        "No such folder",
        "For the next requests there is no folder.",
        "The connection asks to be reconnected with the right folder; its orders wait.",
    ),
    "forbidden": Dial(
        "Not allowed to write",
        "The next files are refused: permission denied.",
        "The connection asks to be reconnected once the supplier allows it; its orders wait.",
    ),
    "read_only": Dial(
        "Read only",
        "The next writes, renames and removals are refused: permission denied.",
        "A test of the connection names the right that lacks. Orders wait until the connection is mended.",
    ),
    "disk_full": Dial(
        "Disk full",
        "The next files are refused, without a reason.",
        "Nothing was sent, and the portal says so: it tries again later.",
    ),
    "torn_upload": Dial(
        "Dropped in mid-upload",
        "The next connections end while a file is written.",
        "The half file has no order's name: it is removed, and the order sent again.",
    ),
    "takes_away": Dial(
        "Files are taken away",
        "The next purchase orders are moved out of the folder as soon as they arrive.",
        "What was told to have arrived is believed; with a lost answer a person is asked.",
    ),
}


def take(shop: PracticeShop, name: str) -> int | None:
    """Use one turn of a dial. Its seconds; None when it is off. `shop.dials` may be as old as the request."""
    if not _left(shop, name):
        return None
    with transaction.atomic():
        fresh = PracticeShop.objects.select_for_update().get(pk=shop.pk)
        if not _left(fresh, name):
            return None
        dial = fresh.dials[name]
        fresh.dials[name] = {**dial, "left": dial["left"] - 1}
        fresh.save(update_fields=["dials"])
    return int(dial["seconds"])


@transaction.atomic
def turn(shop_id: int, name: str, *, left: int, seconds: int | None = None) -> None:
    """Set a dial; seconds None means its default. Raises KeyError for one that does not exist."""
    given = DIALS[name].seconds if seconds is None else seconds
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    shop.dials[name] = {"left": left, "seconds": given}
    shop.save(update_fields=["dials"])


def is_on(shop: PracticeShop, name: str) -> bool:
    """Whether the next `take` finds a turn. `shop.dials` may be as old as the request."""
    return _left(shop, name) > 0


def _left(shop: PracticeShop, name: str) -> int:
    return int(shop.dials.get(name, {}).get("left", 0))
