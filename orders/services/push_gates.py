"""What keeps a push here although it is due: a connection that takes nothing, an add-on that is off, no payment."""

from __future__ import annotations

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from connectors.errors import RejectedError
from connectors.models import Connection, ConnectionState
from connectors.services import plans
from orders import outbox
from orders.models import OrderPush
from orders.services import limits_of_settings, preflight

ADDON_OFF = "The Orders add-on is off. Switch it on under Settings → Plan: the order goes on by itself."


def refuse_out_of_reach(connection: Connection) -> None:
    """Raises Wait for what the merchant, or the partner, can mend, and RejectedError for what has ended."""
    speaker = connection.source or connection
    if connection.state == ConnectionState.REMOVED:
        gone = Blocker(BlockerCode.SYNC_TURNED_OFF, preflight.disconnected(connection))
        raise RejectedError(gone.message, [gone])
    if speaker.state == ConnectionState.AUTH_LOST:
        raise outbox.Wait(conditions.token_renewed(speaker.pk), f"{connection.name} needs reconnecting.")
    if speaker.state == ConnectionState.PAUSED:
        raise outbox.Wait(conditions.pause_lifted(speaker.pk), f"{connection.name} is paused.")


def refuse_ended(push: OrderPush) -> None:
    """The same of a partner's once more, as it is now: a partnership may have ended while the order was formed."""
    if push.connection.source_id is not None:
        refuse_out_of_reach(Connection.objects.select_related("source").get(pk=push.connection_id))


def wait_for_addon(push: OrderPush) -> None:
    """Orders go to partners while the merchant has that switched on. Raises Wait."""
    if addon_is_off(push):
        raise outbox.Wait(conditions.addon_on(push.order.merchant_id), ADDON_OFF)


def addon_is_off(push: OrderPush) -> bool:
    """Whether the part is for a partner, and nothing goes to partners now."""
    return push.connection.source_id is not None and not plans.has_orders_addon(push.order.merchant_id)


def refuse_unpaid(push: OrderPush) -> None:
    """Raises RejectedError for a part that is for a partner, of an order without a payment."""
    unpaid = limits_of_settings.unpaid_for_partner(push, push.connection)
    if unpaid:
        raise RejectedError(unpaid.message, [unpaid])
