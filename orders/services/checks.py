"""CHECK_ORDER: ask one destination in a worker, write down what it says, then let auto-accept speak."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PushStatus
from orders.models import OrderPush, OutboxMessage
from orders.services import decisions, drafts, history, nightly_reads, payment_news, preflight, requirements, rerouting
from orders.services.preflight import Finding
from orders.world import World


def check(message: OutboxMessage, world: World) -> Iterator[str]:
    """Examine one push. A message without a push is for the order itself: its payment, lines that go nowhere, and what
    it lacks."""
    push, finding = message.push, None
    if nightly_reads.PAYMENT in message.payload:
        yield from payment_news.look(message.order.pk, world)
        return
    if push is None:
        yield from payment_news.learn_end(message.order.pk, world)
        left = rerouting.route_rest(order_id=message.order.pk, at=world.now())
        yield from drafts.look_for_links(message.order.pk, world)
        order = drafts.reconsider(order_id=message.order.pk, by=history.STOREWARD, at=world.now())
        if order.status == OrderStatus.DRAFT and drafts.lacks_link(order):
            left = left or drafts.NO_LINK
        if left:  # saved links clear this condition too
            raise outbox.Wait(conditions.routing_changed(message.order.merchant_id), left)
    else:
        if not _still_open(push):
            return
        yield "examining"
        finding = preflight.examine(push, world)
        yield "examined"
        if finding.wait_for:
            raise outbox.Wait(finding.wait_for, finding.blockers[0].message, data=finding)
    with outbox.finishing(message, at=world.now()):
        if finding is not None:
            preflight.write_down(finding, at=world.now())
        if requirements.AGAIN not in message.payload:
            decisions.auto_accept(order_id=message.order.pk, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """A check that found a blocker has it written down; one that could not be made says so."""
    if isinstance(outcome.data, Finding):
        preflight.write_down(outcome.data, at=at)
    elif message.push_id and (outcome.status == OutboxStatus.HELD or outcome.wait_for):
        preflight.write_down(Finding(message.push_id, (as_blocker(outcome),)), at=at)
    elif message.push_id:
        OrderPush.objects.filter(pk=message.push_id, status=PushStatus.WAITING).update(reason=outcome.reason[:500])


def as_blocker(outcome: outbox.Outcome) -> Blocker:
    """The one reason to show for an attempt that ended with a person being needed."""
    if isinstance(outcome.data, tuple) and outcome.data and isinstance(outcome.data[0], Blocker):
        return outcome.data[0]
    code = getattr(outcome.data, "code", BlockerCode.INTERNAL_ERROR.value)
    return Blocker(BlockerCode(code), outcome.reason, value=outcome.error_reference)


def _still_open(push: OrderPush) -> bool:
    return preflight.is_open(OrderPush.objects.select_related("order").get(pk=push.pk))
