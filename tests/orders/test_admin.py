"""What the operator's staff see of an order, and what they may have tried again."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import AuditEvent, Merchant, User
from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import history
from tests.factories import NOON, make_connection, make_order, make_user
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db
MESSAGES = reverse("admin:orders_outboxmessage_changelist")
NOTE = "Gate code 4711"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user(email="ops@storeward.example", is_staff=True, is_superuser=True))
    return client


def page_of(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def promise(order: Order, topic: Topic, key: str, push: OrderPush | None = None) -> OutboxMessage:
    with transaction.atomic():
        return outbox.post(
            topic, order=order, push=push, connection=push.connection if push else None, key=key, at=NOON
        )


def hold(message: OutboxMessage) -> OutboxMessage:
    OutboxMessage.objects.filter(pk=message.pk).update(
        status=OutboxStatus.HELD, reason="A fault of ours.", done_at=None, wait_for="", error_reference="1a2b3c4d"
    )
    message.refresh_from_db()
    return message


def try_again(client: Client, message: OutboxMessage) -> str:
    data = {"action": "try_again", "_selected_action": [message.pk]}
    return client.post(MESSAGES, data, follow=True).content.decode()


def test_an_order_s_page_tells_why_it_stands_still_and_what_was_promised(staff: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant, name="Kauri Shopify")])
    blockers = [{"code": "unmapped_sku", "message": "No product with SKU BOWL.", "field": "lines.sku", "value": "BOWL"}]
    order.pushes.update(status="held", wait_for="", reason="Held there.", blockers=blockers)
    history.note(order, kind="order.arrived", text="Arrived from ArchiPro.", by="ArchiPro", at=NOON)

    text = staff.get(page_of(order)).content.decode()

    for shown in (
        "<code>unmapped_sku</code> No product with SKU BOWL.",
        "Held there.",
        "Arrived from ArchiPro.",
        "sandbox_ok_",
    ):
        assert shown in text


def test_no_admin_page_shows_who_the_customer_is(staff: Client):
    make_pushed(customer_name="Harriet Ngata", customer_email="harriet@example.com", customer_note=NOTE)
    OrderPush.objects.update(sent_at=NOON, sent_calls=[{"body": {"email": "harriet@example.com", "note": NOTE}}])

    for model in admin.site._registry:
        for row in model._default_manager.all():
            text = staff.get(page_of(row)).content.decode()
            for personal in ("Harriet Ngata", "harriet@example.com", NOTE, "12 Ponsonby Road", "+64211234567"):
                assert personal not in text, (model, personal)


PERSONAL = {
    *("customer_name", "customer_email", "customer_phone", "customer_note", "pickup_code", "collected_by"),
    *("recipient", "image", "content", "body", "html", "to", "details", "attributes", "sent_calls", "token_digest"),
    *("digest", "credentials", "access_token", "webhook_secret", "client_secret"),
}
OF_A_THING = {
    "orders.StoreOrigin",
    "orders.Fulfillment",
    "orders.Refund",
    "connectors.PracticeVariant",
}  # of whose state


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_no_admin_page_has_a_field_for_what_is_personal_or_secret(rf: RequestFactory, model: type[Model]):
    request = rf.get("/")
    request.user = User(is_staff=True, is_superuser=True)
    rows = admin.site._registry[model]

    shown = set(flatten_fieldsets(rows.get_fieldsets(request, model()))) | set(rows.get_list_display(request))

    known = {"digest", "details"} if model._meta.label in OF_A_THING else set()
    assert not shown & (PERSONAL - known)


def test_lists_in_the_admin_are_named_as_people_say():
    plurals = {str(model._meta.verbose_name_plural) for model in admin.site._registry}

    assert not [
        each for each in plurals if re.search(r"(ss|hs|xs|hours|[^aeiou]ys)$", each) and each != "business hours"
    ]


def test_a_held_push_is_tried_again_and_the_audit_says_by_whom(staff: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)])
    order.pushes.update(status="held", wait_for="", reason="A fault of ours.")
    push = order.pushes.get()
    message = hold(promise(order, Topic.PUSH_ORDER, f"push:{push.public_id}", push=push))

    text = try_again(staff, message)

    message.refresh_from_db()
    push.refresh_from_db()
    assert "1 will be tried again." in text
    assert (message.status, push.status) == (OutboxStatus.WAITING, "queued")
    event = AuditEvent.objects.get(kind="promise.tried_again")
    assert (event.merchant, event.by) == (merchant, "ops@storeward.example")


def test_a_held_mail_is_tried_again(staff: Client, merchant: Merchant):
    message = hold(promise(make_order(merchant), Topic.TELL_CUSTOMER, "mail:1"))

    try_again(staff, message)

    message.refresh_from_db()
    assert message.status == OutboxStatus.WAITING


@pytest.mark.parametrize("topic", [Topic.CAPTURE_PAYMENT, Topic.REFUND_PAYMENT, Topic.VOID_PAYMENT])
def test_money_moves_at_the_merchant_s_word_alone(staff: Client, merchant: Merchant, topic: Topic):
    message = hold(promise(make_order(merchant), topic, "money:1"))

    text = try_again(staff, message)

    message.refresh_from_db()
    assert "is for the merchant to decide" in text
    assert message.status == OutboxStatus.HELD
    assert not AuditEvent.objects.filter(kind="promise.tried_again").exists()


def test_what_is_not_held_is_left_alone(staff: Client, merchant: Merchant):
    message = promise(make_order(merchant), Topic.TELL_CUSTOMER, "mail:1")

    text = try_again(staff, message)

    assert "is not held" in text


def may_look_at(model: type[Model]) -> Permission:
    """A test that emptied the tables took the permission along (tests/conftest.py)."""
    ContentType.objects.clear_cache()
    kind = ContentType.objects.get_for_model(model)
    codename = f"view_{model._meta.model_name}"
    return Permission.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": codename})[0]


def test_staff_who_may_only_look_cannot_try_again(client: Client, merchant: Merchant):
    looker = make_user(is_staff=True)
    looker.user_permissions.add(may_look_at(OutboxMessage))
    client.force_login(looker)
    message = hold(promise(make_order(merchant), Topic.TELL_CUSTOMER, "mail:1"))

    try_again(client, message)

    message.refresh_from_db()
    assert message.status == OutboxStatus.HELD
