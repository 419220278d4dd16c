"""Would the destination take this order? Asked when it arrives, when something was mended, and right before the money.

What a check finds stands on the push: `held` with its blockers, or waiting for the confirmation again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from connectors import conditions
from connectors import preflight as shared_preflight
from connectors.base import Blocker, BlockerCode
from connectors.errors import ConnectionGoneError, CredentialsError
from connectors.models import Connection, ConnectionState
from connectors.services import connections, links
from orders import alarms, outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, Payment
from orders.models.payment import STORE
from orders.services import history, limits_of_settings, outbound, readiness, summary, sync_faults
from orders.services.transitions import lock
from orders.world import World

_BY_LINK = {BlockerCode.UNMAPPED_SKU, BlockerCode.DUPLICATE_SKU, BlockerCode.SKU_GONE}
MONEY_NOT_TAKEN = (PaymentStatus.NONE, PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)
# pushes that have not left yet
OPEN = (PushStatus.WAITING, PushStatus.HELD)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a preflight of one push found; no blockers means that the destination will take it."""

    push_id: int
    blockers: tuple[Blocker, ...]
    wait_for: str = ""  # the condition that could clear the first blocker
    stock_doubt: str = ""  # why it is not known to be in stock


def ask(order: Order, *, at: datetime) -> None:
    """Promise a check of each destination, and one of the order alone when there is something to ask about itself."""
    asked = order.pushes.filter(status__in=OPEN).exclude(connection__state=ConnectionState.REMOVED)
    pushes = list(asked.select_related("connection"))
    for push in pushes:
        OrderPush.objects.filter(pk=push.pk).update(checking=True)
        _post(order, push, at=at)
    if not pushes or order.blockers or is_payment_unread(order):
        _post(order, None, at=at)


def ask_first(order: Order, pushes: Sequence[OrderPush], *, at: datetime) -> None:
    """The same for an order that is being placed, whose pushes say already that they are being checked."""
    waiting = [push for push in pushes if push.status in OPEN]
    keys: dict[str, OrderPush | None] = {check_key(order, push): push for push in waiting}
    if not waiting or order.blockers or is_payment_unread(order):
        keys[check_key(order, None)] = None
    outbox.post_first(Topic.CHECK_ORDER, order=order, pushes=keys, at=at)


def ask_alone(order: Order, *, at: datetime) -> None:
    """Promise a check of the order alone: of the products that a draft needs a link to, and of its payment."""
    _post(order, None, at=at)


def is_payment_unread(order: Order) -> bool:
    """Whether the channel did not say until when the money can be taken: the gateway has to."""
    return order.payment_status == PaymentStatus.AUTHORIZED and order.authorized_until is None


def check_key(order: Order, push: OrderPush | None) -> str:
    return f"check:{order.public_id}:{push.pk if push else 'order'}"


def _post(order: Order, push: OrderPush | None, *, at: datetime) -> None:
    key = check_key(order, push)
    if outbox.renew(key, at=at):
        return
    if OutboxMessage.objects.filter(key=key).exists():
        key = f"{key}:{at.timestamp()}"  # one is running and may have read what has changed since
    outbox.post(Topic.CHECK_ORDER, order=order, push=push, connection=push.connection if push else None, key=key, at=at)


def examine(push: OrderPush, world: World) -> Finding:
    """Ask the destination. Writes nothing on the order; product links that were found are kept."""
    connection = Connection.objects.select_related("sync_settings", "source").get(pk=push.connection_id)
    speaker = connection.source or connection  # whose access it is, and who can mend it
    if removed := readiness.removed(push.order):
        return Finding(push.pk, (removed,))
    trouble = _out_of_reach(connection, speaker) or _partner_cannot(push, connection)
    if trouble:
        return Finding(push.pk, (trouble[0],), trouble[1])
    old = tuple(limits_of_settings.too_old(push, connection, at=world.now()))
    if old and push.order.payment_status in MONEY_NOT_TAKEN:
        return Finding(push.pk, old)
    connector = world.connector_for(speaker)
    try:
        speaker = connections.refreshed(speaker, connector, at=world.now())
        if connection.source_id:
            connection.source = speaker
        else:
            connection = speaker
        connector = world.connector_for(connection)
        found = links.look_up(connection, connector, _skus(push), at=world.now())
    except CredentialsError as error:
        alarms.auth_lost(speaker, reason=str(error), at=world.now())
        text = str(error) if speaker == connection else f"The store of {connection.name} needs reconnecting."
        return Finding(push.pk, (Blocker(BlockerCode(error.code), text),), conditions.token_renewed(speaker.pk))
    except ConnectionGoneError as error:
        alarms.gone(speaker, reason=str(error), at=world.now())
        return Finding(
            push.pk, (Blocker(BlockerCode.STORE_UNREACHABLE, str(error)),), conditions.pause_lifted(speaker.pk)
        )
    blockers, doubt = found.blockers, ""
    if not blockers:
        variants = {variant.variant_id: variant for variant in found.variants.values()}
        order = outbound.build(push)
        blockers = (
            *limits_of_settings.unpaid(push, connection),
            *limits_of_settings.tax_differs(push, order),
            *connector.preflight(order, variants),
        )
        is_told = connector.capabilities.stock
        doubt = shared_preflight.doubt_of_stock(order, variants, is_told=is_told, place=connection.name)
    return Finding(push.pk, tuple(blockers), condition(connection.pk, blockers), doubt)


def write_down(finding: Finding, *, at: datetime) -> None:
    """Put a finding on its push, unless that has gone on meanwhile. Inside a transaction, under the order's lock."""
    order = lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=finding.push_id))
    push = OrderPush.objects.select_for_update(of=("self",)).select_related("connection").get(pk=finding.push_id)
    push.order = order
    if not is_open(push):
        return
    known = push.blockers
    push.blockers = [blocker.as_json() for blocker in finding.blockers]
    push.checked_at, push.checking, push.stock_doubt = at, False, finding.stock_doubt[:300]
    if finding.blockers:
        push.status, push.wait_for, push.reason = PushStatus.HELD, "", finding.blockers[0].message[:500]
    elif push.status == PushStatus.HELD:
        push.status, push.wait_for, push.reason = ready(push.order)
    push.save(update_fields=["blockers", "checked_at", "checking", "stock_doubt", "status", "wait_for", "reason"])
    summary.refresh(push.order_id)
    if push.blockers != known:
        _tell(push, finding.blockers, at=at)
        sync_faults.report(push, finding.blockers, at=at)


def is_open(push: OrderPush) -> bool:
    """Whether a check can still change anything: the order is not decided against, and the push not promised yet.

    A confirmed order's pushes are promised with its money; where none is to be taken here, or somebody took it at the
    gateway, after the last check.
    """
    order = push.order
    if push.status not in OPEN or order.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED):
        return False
    if order.status == OrderStatus.PENDING:
        return True
    if order.payment_status in MONEY_NOT_TAKEN and is_taken_here(order):
        return True
    return awaits_last_check(push)


def still_open() -> Q:
    """The pushes of which `is_open` holds, in one statement."""
    taken_here = Exists(Payment.objects.filter(order=OuterRef("order")).exclude(gateway=STORE))
    promised = Exists(OutboxMessage.objects.filter(push=OuterRef("pk"), topic=Topic.PUSH_ORDER))
    check_promised = Exists(_last_checks().filter(order=OuterRef("order")))
    before_money = Q(taken_here, order__payment_status__in=MONEY_NOT_TAKEN) | Q(
        ~promised, Q(~taken_here) | Q(check_promised)
    )
    undecided = Q(order__status=OrderStatus.PENDING)
    return Q(status__in=OPEN) & (undecided | Q(before_money, order__status=OrderStatus.CONFIRMED))


def is_taken_here(order: Order) -> bool:
    """Whether Storeward takes, or took, the money: neither the store where it was placed, nor nobody."""
    return Payment.objects.filter(order=order).exclude(gateway=STORE).exists()


def _last_check_is_promised(order: Order) -> bool:
    return _last_checks().filter(order=order).exists()


def _last_checks() -> QuerySet[OutboxMessage]:
    """A capture asks the destinations before it promises the pushes, whoever took the money."""
    return OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).exclude(status=OutboxStatus.DONE)


def awaits_last_check(push: OrderPush) -> bool:
    """Of a confirmed order whose money is not to be taken, or was taken past us: nothing of it was promised yet, as its
    destinations are still to be asked, or it is kept back for the amount that was taken."""
    if push.messages.filter(topic=Topic.PUSH_ORDER).exists():
        return False
    return _last_check_is_promised(push.order) or not is_taken_here(push.order)


def _skus(push: OrderPush) -> list[str]:
    """Of the lines of which something goes."""
    going = push.push_lines.filter(line__called_off_quantity__lt=F("line__quantity"))
    return sorted(set(going.values_list("line__sku", flat=True)))


def _out_of_reach(connection: Connection, speaker: Connection) -> tuple[Blocker, str] | None:
    """Why nothing can be asked there now, and the condition that ends it."""
    if ConnectionState.REMOVED in (connection.state, speaker.state):
        return Blocker(BlockerCode.SYNC_TURNED_OFF, disconnected(connection)), ""
    if speaker.state == ConnectionState.AUTH_LOST:
        text = f"{connection.name} needs reconnecting."
        return Blocker(BlockerCode.CREDENTIALS_EXPIRED, text), conditions.token_renewed(speaker.pk)
    if speaker.state == ConnectionState.PAUSED:
        who = "Resume it to go on." if speaker == connection else "Its orders go on when the partner resumes it."
        text = f"{connection.name} is paused. {who}"
        return Blocker(BlockerCode.STORE_UNREACHABLE, text), conditions.pause_lifted(speaker.pk)
    return None


def disconnected(connection: Connection) -> str:
    """Why a connection takes nothing any more: who ended a partnership, where it was one."""
    if connection.source_id is not None and connection.state_reason:
        return f"{connection.state_reason} Nothing new is sent to {connection.name}."
    return f"{connection.name} was disconnected."


def _partner_cannot(push: OrderPush, connection: Connection) -> tuple[Blocker, str] | None:
    if connection.source_id is not None and push.order.has_pickup:
        text = f"{connection.name} sends to an address: an order to pick up cannot go there. Move its lines elsewhere."
        return Blocker(BlockerCode.PICKUP_LOCATION_UNMAPPED, text, "delivery.place.name"), ""
    unpaid = limits_of_settings.unpaid_for_partner(push, connection)
    return (unpaid, "") if unpaid else None


def condition(connection_id: int, blockers: Sequence[Blocker]) -> str:
    """What would have to change for the first blocker that can be waited for; empty when none can."""
    for blocker in blockers:
        if blocker.code in _BY_LINK:
            return conditions.sku_linked(connection_id, blocker.value)
        if blocker.code == BlockerCode.OUT_OF_STOCK:
            return conditions.stock_back(connection_id, blocker.value)
    return ""


def ready(order: Order) -> tuple[PushStatus, str, str]:
    """Status, condition and reason of a push that nothing keeps back but the decision and the money."""
    if order.status in (OrderStatus.DRAFT, OrderStatus.PENDING):
        return PushStatus.WAITING, conditions.confirmed(order.pk), "Waiting for your confirmation."
    return PushStatus.WAITING, conditions.captured(order.pk), before_sending(order)


def no_more_to_take(order: Order) -> str:
    return "Not paid, and needs no payment." if order.payment_status == PaymentStatus.NONE else "Paid."


def before_sending(order: Order) -> str:
    """What a confirmed order waits for, in words."""
    to_take = order.payment_status in (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)
    return "Waiting for the payment." if to_take else "Asking its destination once more."


def _tell(push: OrderPush, blockers: Sequence[Blocker], *, at: datetime) -> None:
    if blockers:
        kind, text = "push.blocked", f"{push.connection.name} would refuse this order: {blockers[0].message}"
    else:
        kind, text = "push.ready", f"{push.connection.name} will take this order."
    codes = [blocker.code.value for blocker in blockers]
    history.note(push.order, kind=kind, text=text, by=history.STOREWARD, at=at, push=push.public_id, codes=codes)
