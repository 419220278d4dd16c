"""Would the destination take this order? Asked when it arrives, when something was mended, and right before the money.

What a check finds stands on the push: `held` with its blockers, or waiting for the confirmation again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from connectors.errors import ConnectionGoneError, CredentialsError
from connectors.models import Connection, ConnectionState
from connectors.services import connections, links
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import history, notices, outbound, summary
from orders.world import World

_BY_LINK = {BlockerCode.UNMAPPED_SKU, BlockerCode.DUPLICATE_SKU, BlockerCode.SKU_GONE}
_MONEY_NOT_TAKEN = (PaymentStatus.NONE, PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)
# pushes that have not left yet
OPEN = (PushStatus.WAITING, PushStatus.HELD)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a preflight of one push found; no blockers means that the destination will take it."""

    push_id: int
    blockers: tuple[Blocker, ...]
    wait_for: str = ""  # the condition that could clear the first blocker


def ask(order: Order, *, at: datetime) -> None:
    """Promise a check of each destination, or one of the order alone when nothing goes out."""
    pushes = list(order.pushes.filter(status__in=OPEN).select_related("connection"))
    for push in pushes:
        OrderPush.objects.filter(pk=push.pk).update(checking=True)
        _post(order, push, at=at)
    if not pushes:
        _post(order, None, at=at)


def _post(order: Order, push: OrderPush | None, *, at: datetime) -> None:
    key = f"check:{order.public_id}:{push.pk if push else 'order'}"
    if outbox.renew(key, at=at):
        return
    if OutboxMessage.objects.filter(key=key).exists():
        key = f"{key}:{at.timestamp()}"  # one is running and may have read what has changed since
    outbox.post(Topic.CHECK_ORDER, order=order, push=push, connection=push.connection if push else None, key=key, at=at)


def examine(push: OrderPush, world: World) -> Finding:
    """Ask the destination. Writes nothing on the order; product links that were found are kept."""
    connection = Connection.objects.select_related("sync_settings").get(pk=push.connection_id)
    trouble = _out_of_reach(connection)
    if trouble:
        return Finding(push.pk, (trouble[0],), trouble[1])
    connector = world.connector_for(connection)
    try:
        found = links.look_up(connection, connector, _skus(push), at=world.now())
    except CredentialsError as error:
        connections.auth_lost(connection_id=connection.pk, reason=str(error), at=world.now())
        return Finding(
            push.pk, (Blocker(BlockerCode(error.code), str(error)),), conditions.token_renewed(connection.pk)
        )
    except ConnectionGoneError as error:
        connections.gone(connection_id=connection.pk, reason=str(error), at=world.now())
        return Finding(
            push.pk, (Blocker(BlockerCode.STORE_UNREACHABLE, str(error)),), conditions.pause_lifted(connection.pk)
        )
    blockers = found.blockers
    if not blockers:
        variants = {variant.variant_id: variant for variant in found.variants.values()}
        blockers = connector.preflight(outbound.build(push), variants)
    return Finding(push.pk, tuple(blockers), condition(connection.pk, blockers))


def write_down(finding: Finding, *, at: datetime) -> None:
    """Put a finding on its push, unless that has gone on meanwhile. Inside a transaction."""
    push = (
        OrderPush.objects.select_for_update(of=("self",)).select_related("order", "connection").get(pk=finding.push_id)
    )
    if not is_open(push):
        return
    known = push.blockers
    push.blockers = [blocker.as_json() for blocker in finding.blockers]
    push.checked_at, push.checking = at, False
    if finding.blockers:
        push.status, push.wait_for, push.reason = PushStatus.HELD, "", finding.blockers[0].message[:500]
    elif push.status == PushStatus.HELD:
        push.status, push.wait_for, push.reason = _ready(push.order)
    push.save(update_fields=["blockers", "checked_at", "checking", "status", "wait_for", "reason"])
    summary.refresh(push.order_id)
    if push.blockers != known:
        _tell(push, finding.blockers, at=at)
    if finding.wait_for == conditions.token_renewed(push.connection_id):
        notices.promise_reconnect(push, at=at)


def is_open(push: OrderPush) -> bool:
    """Whether a check can still change anything: the money is not taken and the order is neither decided against."""
    undecided = push.order.status in (OrderStatus.PENDING, OrderStatus.CONFIRMED)
    return undecided and push.status in OPEN and push.order.payment_status in _MONEY_NOT_TAKEN


def look_for_stock(*, at: datetime, limit: int = 200) -> int:
    """Let orders that wait for stock ask again; called every now and then by the sweep."""
    waiting = OutboxMessage.objects.filter(status="waiting", wait_for__startswith="stock:").values_list(
        "wait_for", flat=True
    )
    keys = sorted(set(waiting[:limit]))
    for key in keys:
        conditions.cleared(key)
    return len(keys)


def _skus(push: OrderPush) -> list[str]:
    return sorted(set(push.push_lines.values_list("line__sku", flat=True)))


def _out_of_reach(connection: Connection) -> tuple[Blocker, str] | None:
    """Why nothing can be asked there now, and the condition that ends it."""
    if connection.state == ConnectionState.AUTH_LOST:
        text = f"{connection.name} needs reconnecting."
        return Blocker(BlockerCode.CREDENTIALS_EXPIRED, text), conditions.token_renewed(connection.pk)
    if connection.state == ConnectionState.PAUSED:
        text = f"{connection.name} is paused. Resume it to go on."
        return Blocker(BlockerCode.STORE_UNREACHABLE, text), conditions.pause_lifted(connection.pk)
    if connection.state == ConnectionState.REMOVED:
        return Blocker(BlockerCode.SYNC_TURNED_OFF, f"{connection.name} was disconnected."), ""
    return None


def condition(connection_id: int, blockers: Sequence[Blocker]) -> str:
    """What would have to change for the first blocker that can be waited for; empty when none can."""
    for blocker in blockers:
        if blocker.code in _BY_LINK:
            return conditions.sku_linked(connection_id, blocker.value)
        if blocker.code == BlockerCode.OUT_OF_STOCK:
            return conditions.stock_back(connection_id, blocker.value)
    return ""


def _ready(order: Order) -> tuple[PushStatus, str, str]:
    if order.status == OrderStatus.PENDING:
        return PushStatus.WAITING, conditions.confirmed(order.pk), "Waiting for your confirmation."
    return PushStatus.WAITING, conditions.captured(order.pk), "Waiting for the payment."


def _tell(push: OrderPush, blockers: Sequence[Blocker], *, at: datetime) -> None:
    if blockers:
        kind, text = "push.blocked", f"{push.connection.name} would refuse this order: {blockers[0].message}"
    else:
        kind, text = "push.ready", f"{push.connection.name} will take this order."
    codes = [blocker.code.value for blocker in blockers]
    history.note(push.order, kind=kind, text=text, by=history.STOREWARD, at=at, push=push.public_id, codes=codes)
