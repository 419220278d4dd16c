"""The constraints of the practice stores."""

from __future__ import annotations

from connectors.practice.models import PracticeCustomer, PracticeFile, PracticeOrder, PracticeRefund, PracticeShop
from tests.constraints.rows import Broken, Twice
from tests.factories import NOON


def shop() -> PracticeShop:
    return PracticeShop.objects.create(slug="rimu", domain="rimu.example", name="Rimu", currency="NZD")


def customer() -> PracticeCustomer:
    return PracticeCustomer.objects.create(shop=shop(), email="mere@example.com", created_at=NOON)


def caller() -> PracticeCustomer:
    return PracticeCustomer.objects.create(shop=shop(), email="mere@example.com", phone="+64211112222", created_at=NOON)


def order() -> PracticeOrder:
    return PracticeOrder.objects.create(
        shop=shop(), name="#1", created_at=NOON, updated_at=NOON, currency="NZD", taxes_included=True,
        subtotal=1, discount=0, shipping=0, tax=0, total=1,
    )  # fmt: skip


def refund() -> PracticeRefund:
    return PracticeRefund.objects.create(order=order(), amount=1, key="k", created_at=NOON)


def file() -> PracticeFile:
    return PracticeFile.objects.create(shop=shop(), path="/orders/1.csv", modified_at=NOON)


BROKEN = [
    Broken("practice_order_total_not_negative", order, {"total": -1}),
    Broken("practice_refund_not_negative", refund, {"amount": -1}),
]
TWICE = [
    Twice("practice_customer_once", customer),
    Twice("practice_order_name_once", order),
    Twice("practice_refund_once_per_key", refund),
    Twice("practice_file_once", file),
    Twice("practice_customer_once_per_phone", caller, {"email": "hone@example.com"}),
]
