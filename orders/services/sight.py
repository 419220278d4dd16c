"""Whether an order that a store does not show is gone: only when it is young enough to be shown for certain.

Some stores hide from an app what is older than so many days. There "not shown" proves nothing, and a person looks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.base import Blocker, BlockerCode, Connector, RemoteOrder
from connectors.errors import NotVisibleError
from orders.models import Order, OrderPush

MARGIN = timedelta(days=4)  # the 72 hours in which one push is tried, and for how a store counts days


def read(connector: Connector, remote_id: str, *, made_at: datetime, at: datetime) -> RemoteOrder | None:
    """As the driver reads it, None when it is gone. `made_at`: not after it was made there.

    Raises NotVisibleError when it is not shown and may be too old for that.
    """
    try:
        return connector.read(remote_id)
    except NotVisibleError as hidden:
        believe_gone(hidden, made_at=made_at, at=at)
        return None


def believe_gone(hidden: NotVisibleError, *, made_at: datetime, at: datetime) -> None:
    """Raise it on, unless an order of that age would be shown."""
    if at - made_at > hidden.shown_for - MARGIN:
        raise hidden


def reaches(connector: Connector, made_at: datetime, *, at: datetime) -> bool:
    """Whether a look there would find an order that was made then. May ask the store."""
    hides_after = connector.hides_after
    return hides_after is None or at - made_at <= hides_after - MARGIN or connector.shows_all()


def refuse_unseen(connector: Connector, reference: str, *, made_at: datetime, at: datetime) -> None:
    """Raise NotVisibleError when a look that found nothing could not have found what was made then."""
    if connector.hides_after is not None and not reaches(connector, made_at, at=at):
        text = (
            f"Whether {reference} is there cannot be seen: {connector.label} shows this app no orders older than"
            f" {connector.hides_after.days} days. Look in the store, and say here whether it is there."
        )
        blocker = Blocker(BlockerCode.NOT_VISIBLE, text, "reference", reference)
        raise NotVisibleError(text, [blocker], shown_for=connector.hides_after)


def since_of(push: OrderPush) -> datetime:
    """The order stands at its destination since then at the earliest. A later generation's was made when it was sent."""
    known = filter(None, (push.order.received_at if push.generation == 1 else None, push.sent_at, push.pushed_at))
    return min(known, default=push.order.received_at)


def placed(order: Order) -> datetime:
    """The same for an order that came from a store."""
    return min(order.placed_at, order.received_at)
