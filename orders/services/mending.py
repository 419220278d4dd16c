"""An order that was found where its answer was lost may be half made: it is completed, or says what it lacks."""

from __future__ import annotations

from connectors.base import Blocker, BlockerCode, Connector
from connectors.errors import RejectedError
from orders.enums import OrderStatus
from orders.models import OrderPush
from orders.services import loading, outbound


def mend(push: OrderPush, remote_id: str, connector: Connector) -> tuple[Blocker, ...]:
    """Why the order there is not what was sent; empty when it is, now. An order that was called off is left alone.

    Network, outside any transaction; safe to repeat. Raises ConnectorError when the destination does not tell.
    """
    whole = loading.whole(push.pk)
    if whole.order.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
        return ()
    try:
        connector.mend(remote_id, outbound.build(whole, as_sent=True))
    except RejectedError as refusal:
        return tuple(refusal.blockers) or (Blocker(BlockerCode.INTERNAL_ERROR, str(refusal)),)
    return ()
