"""Which orders need a person's look although they go on: `Order.needs_look`, and what customers are owed, in SQL."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from django.db.models import Case, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest, Least

from accounts.formed import Change
from connectors.registry import connector_class, platforms
from orders.enums import OrderStatus, PushStatus, RefundStatus, ShipmentStatus, WriteBackState
from orders.models import (
    FulfillmentLine,
    Order,
    OrderLine,
    OrderPush,
    Payment,
    PushLine,
    ReadyNotice,
    Refund,
    RefundLine,
    RefundRequest,
    StoreOrigin,
    WriteBack,
)
from orders.models.fields import ZERO, amount_field
from orders.models.payment import STORE
from orders.services.refund_quotes import TAKEN

ELSEWHERE = (PushStatus.SKIPPED, PushStatus.CANCELLED)  # a push like that leaves its lines to us
LIVE = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
_AMOUNT = amount_field()
_ZERO = Value(ZERO, output_field=_AMOUNT)
_CANCELLED_THERE = Q(status=PushStatus.HELD, remote_cancelled=True)
_NOISE = Decimal("0.0001")  # less than any money; SQLite adds up in floats


def refresh(order_id: int) -> None:
    """After a change of what needs_look() reads. Call it in its transaction; orders.services.summary does so as well."""
    _write()([order_id])


@cache
def _write() -> Change:
    return Change(lambda keys: Order.objects.filter(pk__in=keys), needs_look=needs_look())


def left_alone(push: OrderPush) -> bool:
    """Whether nothing in a push and its lines makes its order need a look, or no longer: it goes on, was asked for all of
    them, and its store took nothing off and holds no more. Reads `push_lines`."""
    differs = push.status == PushStatus.PUSHED and push.remote_total not in (None, push.expected_total)
    is_cancelled = push.status == PushStatus.HELD and push.remote_cancelled
    asked_for_less = any(row.sent_quantity is not None for row in push.push_lines.all())
    is_seen = differs or is_cancelled or asked_for_less or push.status in ELSEWHERE
    return not (is_seen or push.remote_refunded > 0 or push.given_back > 0)


def needs_look() -> Case:
    """Of the order's row: the page says why for each of these."""
    order = OuterRef("pk")
    changed_where_bought = StoreOrigin.objects.filter(order=order).exclude(attention="")
    not_told = WriteBack.objects.filter(fulfillment__order=order, state=WriteBackState.HELD)
    refund_failed = Refund.objects.filter(order=order, status=RefundStatus.FAILED)
    asked_for = RefundRequest.objects.filter(order=order).open()
    not_told_ready = ReadyNotice.objects.filter(order=order, state=WriteBackState.HELD)
    rows = (changed_where_bought, not_told, not_told_ready, refund_failed, asked_for)
    whens = [When(Exists(found), then=Value(True)) for found in rows]
    more = When(Exists(_holding_more(order)), status__in=LIVE, then=Value(True))
    unasked = When(Exists(_unasked(order)), status__in=LIVE, then=Value(True))
    still_asked = When(_still_asked(order), status=OrderStatus.CONFIRMED, then=Value(True))
    return Case(*whens, When(owes(), then=Value(True)), more, unasked, still_asked, default=Value(False))


def owes() -> Exists:
    """Of the order's row: whether stores took more off it than is given, or promised, back here.

    The database reckons as orders.services.owed_back does.
    """
    pushes = OrderPush.objects.filter(touched(), order=OuterRef("order")).annotate(off=_taken_off_there())
    off = pushes.order_by().values("order").annotate(sum=Sum("off")).values("sum")
    refunds = Refund.objects.filter(order=OuterRef("order")).standing().order_by().values("order")
    given = Coalesce(Subquery(refunds.annotate(sum=Sum("amount")).values("sum")), _ZERO)
    unheld = OrderPush.objects.filter(order=OuterRef("order"), given_back__gt=0).order_by()
    before = Coalesce(Subquery(unheld.values("order").annotate(sum=Sum("given_back")).values("sum")), _ZERO)
    went_without = unheld.filter(Q(remote_id="") | Q(sent_at=None) | Q(sent_at__gte=OuterRef("requested_at")))
    of_unsent = refunds.filter(Exists(RefundLine.objects.filter(refund=OuterRef("pk"), not_sent__gt=0)))
    unsent = of_unsent.filter(Exists(went_without)).annotate(sum=Sum("amount")).values("sum")
    never_held = Least(before, Coalesce(Subquery(unsent), _ZERO))
    paid = Payment.objects.filter(order=OuterRef("pk"), status__in=TAKEN).exclude(gateway=STORE)
    return Exists(paid.alias(off=Subquery(off)).filter(off__gt=given - never_held + _NOISE))


def touched() -> Q:
    """Pushes whose store took something off."""
    return Q(remote_refunded__gt=0) | _CANCELLED_THERE | _edited()


def _holding_more(order: OuterRef) -> QuerySet[OrderPush]:
    """As orders.services.overcharged.of() has it."""
    more = Q(remote_total__gt=Coalesce("due_total", "total")) & ~Q(accepted_total=F("remote_total"))
    return OrderPush.objects.filter(more, order=order, status=PushStatus.PUSHED, connection__platform__in=_comparing())


def _unasked(order: OuterRef) -> QuerySet[PushLine]:
    """As orders.services.open_units.unasked() has it."""
    own = FulfillmentLine.objects.filter(line=OuterRef("line"), fulfillment__push=None).order_by().values("line")
    own = own.filter(fulfillment__status__in=(ShipmentStatus.SUCCESS, ShipmentStatus.READY))
    from_here = Coalesce(Subquery(own.annotate(sum=Sum("quantity")).values("sum")), 0)
    owed = F("line__quantity") - F("line__called_off_quantity") - from_here
    there = PushLine.objects.filter(push__order=order, sent_quantity__lt=owed).exclude(push__remote_id="")
    return there.exclude(push__status__in=ELSEWHERE)


def _still_asked(order: OuterRef) -> Q:
    """As orders.services.called_off.still_asked() has it."""
    lines = OrderLine.objects.filter(order=order)
    pushes = OrderPush.objects.filter(order=order, remote_cancelled=False).exclude(status__in=ELSEWHERE)
    is_due = Exists(lines.filter(quantity__gt=F("called_off_quantity")))
    return Q(Exists(lines.filter(called_off_quantity__gt=0)) & Exists(pushes) & ~is_due)


def _edited() -> Q:
    less = Q(remote_total__lt=Coalesce("due_total", "total"))
    return less & Q(status=PushStatus.PUSHED, connection__platform__in=_comparing())


def _taken_off_there() -> Greatest:
    """What its store took off a push that was paid here."""
    partners = Case(When(connection__source=None, then=_ZERO), default=F("shipping"), output_field=_AMOUNT)
    customers_part = ExpressionWrapper(F("total") - F("given_back") - partners, output_field=_AMOUNT)
    less = ExpressionWrapper(Coalesce("due_total", "total") - F("remote_total"), output_field=_AMOUNT)
    return Greatest(
        F("remote_refunded"),
        Case(When(_CANCELLED_THERE, then=customers_part), default=_ZERO, output_field=_AMOUNT),
        Case(When(_edited(), then=Least(less, customers_part)), default=_ZERO, output_field=_AMOUNT),
        output_field=_AMOUNT,
    )


def _comparing() -> list[str]:
    return [known.key for known in platforms() if connector_class(known.key).capabilities.compares_totals]
