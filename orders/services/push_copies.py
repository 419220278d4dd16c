"""Other orders at a destination that carry a push's reference: what the push is held for until a person has decided. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.base import Blocker, BlockerCode, RemoteRef
from connectors.money import Money
from orders.models import OrderPush

URL_MAX, NAME_MAX = 300, 60


def as_json(ref: RemoteRef) -> dict[str, Any]:
    return {"id": ref.remote_id, "name": ref.name[:NAME_MAX], "url": ref.url[:URL_MAX], "kept": False}


def names(copies: Iterable[dict[str, Any]]) -> str:
    return ", ".join(copy["name"] for copy in copies)


def blocker(push: OrderPush) -> Blocker:
    """Why it is held, what that may cost and what can be done."""
    copies = push.undecided_copies
    worth = Money(push.expected_total * len(copies), push.order.currency)
    text = (
        f"{push.connection.name} has {len(copies) + 1} orders with reference {push.reference}: {push.remote_name}, which is "
        f"recorded here, and {names(copies)}. If all of them are sent, goods for {worth} leave that nobody paid for."
    )
    return Blocker(BlockerCode.SUSPECTED_DUPLICATE, text, "reference", " ".join(copy["id"] for copy in copies))


def with_it(push: OrderPush, blockers: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The blockers of a push that stands there, with the one of its copies last, as long as nobody has decided."""
    others = [each for each in blockers if each["code"] != BlockerCode.SUSPECTED_DUPLICATE]
    return [*others, blocker(push).as_json()] if push.undecided_copies else others
