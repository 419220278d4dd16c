"""The constraints of payments and of money that is given back."""

from __future__ import annotations

from typing import Any

from orders.models import Order, Payment, Refund, RefundLine, RefundRequest, RefundRequestLine
from tests.constraints.rows import Broken, Twice
from tests.factories import NOON, make_order


def payment() -> Payment:
    return make_order().payment


def captured() -> Payment:
    taken = {"status": "captured", "captured": 100, "captured_at": NOON}
    return make_order(payment_status="captured", payment=taken).payment


def voided() -> Payment:
    return make_order(payment_status="voided", payment={"voided_at": NOON}).payment


def of_another_order(_payment: Payment) -> dict[str, Order]:
    other = make_order()
    other.payment.delete()
    return {"order": Order.objects.get(pk=other.pk)}


def request() -> RefundRequest:
    return RefundRequest.objects.create(order=make_order(), reason="late", created_at=NOON)


def request_line() -> RefundRequestLine:
    asked = request()
    return RefundRequestLine.objects.create(request=asked, line=asked.order.lines.earliest("pk"), quantity=1)


def refund(**fields: Any) -> Refund:
    return Refund.objects.create(
        **{"order": make_order(), "currency": "NZD", "amount": 10, "computed": 10, "key": "k", "reason": "late",
           "requested_by": "ana", "requested_at": NOON, **fields}
    )  # fmt: skip


def refund_line() -> RefundLine:
    given = refund()
    return RefundLine.objects.create(refund=given, line=given.order.lines.earliest("pk"), quantity=1, amount=1)


BROKEN = [
    Broken("payment_status_known", payment, {"status": "lost"}),
    # what is above another amount cannot fall below zero alone: those beneath it fall with it
    Broken("payment_amounts_not_negative", payment, {"refunded": -1}),
    Broken("payment_amounts_not_negative", captured, {"captured": -1, "refunded": -1}),
    Broken("payment_amounts_not_negative", captured, {"authorized": -1, "captured": -1, "refunded": -1}),
    Broken("payment_captured_within_authorized", captured, {"captured": 116}),
    Broken("payment_refunded_within_captured", captured, {"refunded": 101}),
    Broken("payment_captured_at_iff_captured", payment, {"captured": 1}),
    Broken("payment_captured_at_iff_captured", payment, {"captured_at": NOON}),
    Broken("payment_captured_at_iff_captured", captured, {"captured_at": None}),
    Broken("payment_voided_at_iff_voided", payment, {"voided_at": NOON}),
    Broken("payment_voided_at_iff_voided", voided, {"voided_at": None}),
    Broken("refund_request_status_known", request, {"status": "lost", "decided_at": NOON, "decided_by": "ana"}),
    Broken("refund_request_reason_known", request, {"reason": "lost"}),
    Broken("refund_request_decided_iff_not_open", request, {"status": "issued"}),
    Broken("refund_request_decided_iff_not_open", request, {"decided_at": NOON}),
    Broken("refund_request_decided_iff_not_open", request, {"decided_by": "ana"}),
    Broken("refund_request_declined_why", request, {"status": "declined", "decided_at": NOON, "decided_by": "ana"}),
    Broken("refund_request_line_quantity_positive", request_line, {"quantity": 0}),
    Broken("refund_status_known", refund, {"status": "lost"}),
    Broken("refund_reason_known", refund, {"reason": "lost"}),
    Broken("refund_amount_positive", refund, {"amount": 0}),
    Broken("refund_amount_positive", refund, {"amount": -1}),
    Broken("refund_shipping_within_computed", refund, {"shipping": 11}),
    Broken("refund_shipping_within_computed", refund, {"shipping": -1}),
    Broken("refund_amount_within_computed", refund, {"amount": 11}),
    Broken("refund_done_at_iff_done", refund, {"status": "done"}),
    Broken("refund_done_at_iff_done", refund, {"done_at": NOON}),
    Broken("refund_failed_says_why", refund, {"status": "failed"}),
    Broken("refund_line_quantity_positive", refund_line, {"quantity": 0}),
    Broken("refund_line_amount_not_negative", refund_line, {"amount": -1}),
    Broken("refund_line_not_sent_within_quantity", refund_line, {"not_sent": 2}),
]
TWICE = [
    Twice("payment_reference_once", payment, of_another_order),
    Twice("refund_request_one_open", request),
    Twice("refund_request_line_once", request_line),
    Twice("refund_once_per_key", refund),
    Twice("refund_line_once", refund_line),
]
