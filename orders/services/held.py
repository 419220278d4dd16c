"""What the operator's staff may do about a held promise: have it tried again. Money moves at the merchant's word alone."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.services import audit
from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OutboxMessage
from orders.services import decisions, pushes

# Each looks before it repeats, or repeats nothing that counts twice.
_AS_THEY_ARE = {Topic.PULL_REMOTE, Topic.READ_STORE_ORDER, Topic.ADD_NOTES, Topic.TELL_CUSTOMER, Topic.TELL_MERCHANT}


@transaction.atomic
def try_again(*, message_id: int, by: str, at: datetime) -> None:
    """Make a held promise due at once; the audit trail of its merchant says who did.

    Raises TransitionNotAllowed when it is not held, or when only the merchant may decide.
    """
    message = OutboxMessage.objects.select_related("order", "lane__connection__merchant", "lane__merchant").get(
        pk=message_id
    )
    named = f"{message.get_topic_display()} ({message.key})"
    if message.status != OutboxStatus.HELD:
        raise TransitionNotAllowed(f"{named} is not held.")
    if message.topic == Topic.PUSH_ORDER and message.push_id is not None:
        pushes.retry(push_id=message.push_id, by=by, at=at)
    elif message.topic == Topic.CHECK_ORDER:
        decisions.check_again(order_id=message.order.pk, by=by, at=at)
    elif message.topic not in _AS_THEY_ARE:
        raise TransitionNotAllowed(f"{named} is for the merchant to decide, on the page of the order.")
    elif not outbox.release_now(message.key, at=at):
        raise TransitionNotAllowed(f"{named} was just taken up.")
    lane = message.lane
    merchant = lane.connection.merchant if lane.connection else lane.merchant
    audit.record(merchant=merchant, kind="promise.tried_again", subject=named, by=by, at=at, message=message.pk)
