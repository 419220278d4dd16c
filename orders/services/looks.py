"""Which orders need a person's look although they go on: `Order.needs_look`, and what customers are owed, in SQL."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Case, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest, Least

from connectors.registry import connector_class, platforms
from orders.enums import PushStatus, RefundStatus, WriteBackState
from orders.models import Order, OrderPush, Payment, Refund, RefundRequest, StoreOrigin, WriteBack
from orders.models.fields import ZERO, amount_field
from orders.models.payment import STORE
from orders.services.refund_quotes import TAKEN

_AMOUNT = amount_field()
_ZERO = Value(ZERO, output_field=_AMOUNT)
_CANCELLED_THERE = Q(status=PushStatus.HELD, remote_cancelled=True)
_NOISE = Decimal("0.0001")  # less than any money; SQLite adds up in floats


def refresh(order_id: int) -> None:
    """After a change of what needs_look() reads. Call it in its transaction; orders.services.summary does so as well."""
    Order.objects.filter(pk=order_id).update(needs_look=needs_look())


def needs_look() -> Case:
    """Of the order's row: the page says why for each of these."""
    order = OuterRef("pk")
    changed_where_bought = StoreOrigin.objects.filter(order=order).exclude(attention="")
    not_told = WriteBack.objects.filter(fulfillment__order=order, state=WriteBackState.HELD)
    refund_failed = Refund.objects.filter(order=order, status=RefundStatus.FAILED)
    asked_for = RefundRequest.objects.filter(order=order).open()
    rows = (changed_where_bought, not_told, refund_failed, asked_for)
    whens = [When(Exists(found), then=Value(True)) for found in rows]
    return Case(*whens, When(owes(), then=Value(True)), default=Value(False))


def owes() -> Exists:
    """Of the order's row: whether stores took more off it than is given, or promised, back here.

    The database reckons as orders.services.owed_back does.
    """
    pushes = OrderPush.objects.filter(touched(), order=OuterRef("order")).annotate(off=_taken_off_there())
    off = pushes.order_by().values("order").annotate(sum=Sum("off")).values("sum")
    refunds = Refund.objects.filter(order=OuterRef("order")).standing().order_by().values("order")
    given = Coalesce(Subquery(refunds.annotate(sum=Sum("amount")).values("sum")), _ZERO)
    paid = Payment.objects.filter(order=OuterRef("pk"), status__in=TAKEN).exclude(gateway=STORE)
    return Exists(paid.alias(off=Subquery(off)).filter(off__gt=given + _NOISE))


def touched() -> Q:
    """Pushes whose store took something off."""
    return Q(remote_refunded__gt=0) | _CANCELLED_THERE | _edited()


def _edited() -> Q:
    less = Q(remote_total__lt=Coalesce("due_total", "total"))
    return less & Q(status=PushStatus.PUSHED, connection__platform__in=_comparing())


def _taken_off_there() -> Greatest:
    """What its store took off a push that was paid here."""
    partners = Case(When(connection__source=None, then=_ZERO), default=F("shipping"), output_field=_AMOUNT)
    customers_part = ExpressionWrapper(F("total") - partners, output_field=_AMOUNT)
    less = ExpressionWrapper(Coalesce("due_total", "total") - F("remote_total"), output_field=_AMOUNT)
    return Greatest(
        F("remote_refunded"),
        Case(When(_CANCELLED_THERE, then=customers_part), default=_ZERO, output_field=_AMOUNT),
        Case(When(_edited(), then=Least(less, customers_part)), default=_ZERO, output_field=_AMOUNT),
        output_field=_AMOUNT,
    )


def _comparing() -> list[str]:
    return [known.key for known in platforms() if connector_class(known.key).capabilities.compares_totals]
