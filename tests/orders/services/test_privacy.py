"""Requests about personal data: from the signed webhook to what stands on an order afterwards."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent
from connectors.models import (
    CallLog,
    CatalogReading,
    CatalogVariant,
    Connection,
    ConnectionState,
    InboundEvent,
    PrivacyRequest,
    PurchaseOrder,
    UnlinkedSku,
)
from connectors.shopify import webhook
from orders.enums import Topic
from orders.models import (
    Channel,
    Order,
    OrderEvent,
    OutboxMessage,
    RefundPicture,
    RefundRequest,
    RefundRequestLine,
)
from orders.services import clock, inbound, privacy
from orders.services.readiness import REMOVED
from tests.factories import NOON, make_connection, make_order

pytestmark = pytest.mark.django_db
DOMAIN = "kauri.myshopify.com"


@pytest.fixture
def row(merchant) -> Connection:
    return make_connection(merchant, shop_domain=DOMAIN, name="Kauri Shopify", remote_id="gid://shopify/Shop/1")


@pytest.fixture
def order(merchant, row) -> Order:
    return pushed(merchant, row, 7)


def pushed(merchant, row: Connection, number: int) -> Order:
    order = make_order(
        merchant,
        connections=[row],
        status="confirmed",
        customer_phone="+64211234567",
        customer_note="Ring twice",
        blockers=[{"code": "phone_required", "message": "No +64", "field": "customer.phone", "value": "+64"}],
    )
    order.pushes.update(remote_id=f"gid://shopify/Order/{number}", status="pushed", wait_for="", pushed_at=NOON)
    return order


def deliver(
    topic: str,
    *,
    domain: str = DOMAIN,
    event: str = "w-1",
    secret: str | None = None,
    triggered_at: str = "",
    **payload,
) -> int:
    body = json.dumps({"shop_domain": domain, **payload}).encode()
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-Webhook-Id": event,
        "X-Shopify-Triggered-At": triggered_at,
        "X-Shopify-Hmac-Sha256": webhook.sign(body, secret or settings.SHOPIFY_APP_SECRETS[0]),
    }
    return Client().post("/webhooks/shopify/privacy/", body, "application/json", headers=headers).status_code


def process() -> None:
    for event in InboundEvent.objects.order_by("pk"):
        inbound.process(event_id=event.pk, at=NOON)


def redact(*numbers: int, **fields) -> None:
    assert deliver("customers/redact", customer={"id": 5}, orders_to_redact=list(numbers), **fields) == 200
    process()


def everything_stored(order: Order) -> str:
    """Each column of the order and of what hangs on it, as one text."""
    order = Order.objects.get(pk=order.pk)
    rows = [order, *order.addresses.all(), *order.pushes.all(), *order.events.all()]
    return " ".join(str(getattr(row, field.attname)) for row in rows for field in row._meta.concrete_fields)


def test_a_redacted_order_tells_nothing_of_its_customer(order):
    order.addresses.update(postcode="SW1A 1AA")  # no number of ours has letters
    assert "Harriet" in everything_stored(order)

    redact(7)

    left = everything_stored(order)
    for word in ("Harriet", "Ngata", "harriet", "+64", "Ring twice", "Ponsonby", "Auckland", "SW1A"):
        assert word not in left


def test_the_purchase_order_of_a_redacted_order_is_emptied_once_its_fate_is_known(order, row):
    push = order.pushes.get()
    book = {"connection": row, "body": "Harriet,SW1A", "units": [], "created_at": NOON, "updated_at": NOON}
    sent = PurchaseOrder.objects.create(reference=push.reference, state="sent", **book)
    other = PurchaseOrder.objects.create(reference="SW-0", state="sent", **book)

    redact(7)

    sent.refresh_from_db()
    other.refresh_from_db()
    assert (sent.body, other.body) == ("", "Harriet,SW1A")


def test_money_lines_and_region_stay(order):
    redact(7)

    fresh = Order.objects.get(pk=order.pk)
    assert (fresh.total, fresh.tax, fresh.status, fresh.number) == (order.total, order.tax, order.status, order.number)
    assert {(row.province_code, row.country_code) for row in fresh.addresses.all()} == {("AUK", "NZ")}
    assert fresh.lines.count() == 2


def test_a_redaction_stands_in_the_history_and_in_the_audit_trail(order, merchant):
    redact(7)

    (event,) = OrderEvent.objects.filter(kind=privacy.KIND)
    assert event.by == "Shopify"
    (line,) = AuditEvent.objects.filter(merchant=merchant, kind="privacy.customer_redact")
    assert (line.subject, line.data["orders"]) == ("Kauri Shopify", 1)


def test_a_repeated_delivery_is_stored_and_honoured_once(order):
    redact(7)
    redact(7)

    assert PrivacyRequest.objects.count() == InboundEvent.objects.count() == 1
    assert OrderEvent.objects.filter(kind=privacy.KIND).count() == 1


def test_a_second_request_for_the_same_order_changes_nothing(order):
    redact(7)

    assert privacy.remove_personal_data(order_id=order.pk, by="Shopify", at=NOON) is False


def test_only_the_named_orders_of_that_shop_are_redacted(merchant, order, row):
    other_order = pushed(merchant, row, 8)
    elsewhere = pushed(merchant, make_connection(merchant), 7)

    redact(7)

    assert "Harriet" in everything_stored(other_order)
    assert "Harriet" in everything_stored(elsewhere)


def test_a_redacted_order_is_no_longer_found_by_its_customer(order):
    redact(7)

    text = Order.objects.get(pk=order.pk).search_text
    assert order.number.lower() in text
    assert "harriet" not in text


def test_a_lost_task_is_made_up_for_by_the_sweep(order):
    deliver("customers/redact", orders_to_redact=[7])
    InboundEvent.objects.update(received_at=NOON)

    clock.process_forgotten(at=NOON + clock.FORGOTTEN_AFTER)

    assert PrivacyRequest.objects.get().done_at is not None


def test_a_wrong_signature_is_refused_and_leaves_nothing(order):
    assert deliver("customers/redact", secret="wrong", orders_to_redact=[7]) == 401
    assert not PrivacyRequest.objects.exists()


def test_a_pasted_apps_secret_signs_no_privacy_request(order, row):
    """`hush` is the secret of that connection's own app: it speaks for nobody else."""
    assert deliver("customers/redact", secret="hush", orders_to_redact=[7]) == 401


def test_a_shop_that_nobody_connected_is_answered_and_nothing_more(order):
    assert deliver("customers/redact", domain="other.myshopify.com", orders_to_redact=[7]) == 200
    assert not PrivacyRequest.objects.exists()


def test_a_disconnected_shops_customer_is_redacted_too(order, row):
    Connection.objects.filter(pk=row.pk).update(state=ConnectionState.REMOVED)

    redact(7)

    assert "Harriet" not in everything_stored(order)


def test_a_data_request_waits_for_the_owner_and_changes_nothing(order):
    deliver("customers/data_request", customer={"id": 5}, orders_requested=[7], data_request={"id": 99})
    process()

    request = PrivacyRequest.objects.get()
    assert (request.remote_id, request.orders_found, request.done_at) == ("99", 1, NOON)
    (mail,) = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT)
    assert mail.payload["kind"] == "data_request"
    assert "Harriet" in everything_stored(order)


def test_an_export_holds_what_is_known_of_the_customer_and_is_audited(order):
    deliver("customers/data_request", orders_requested=[7], data_request={"id": 99})
    process()

    held = privacy.export(request_id=PrivacyRequest.objects.get().pk, by="ana", at=NOON)

    (copy,) = held["orders"]
    assert copy["customer"]["email"] == "harriet@example.com"
    assert {address["address1"] for address in copy["addresses"]} == {"12 Ponsonby Road"}
    assert json.dumps(held)
    assert AuditEvent.objects.filter(kind="privacy.exported", by="ana").count() == 1


def test_a_forgotten_shop_is_disconnected_and_leaves_its_name_alone(order, row):
    CallLog.objects.create(connection=row, at=NOON, method="POST", url=row.base_url, outcome="ok", duration_ms=1)

    deliver("shop/redact")
    process()

    row.refresh_from_db()
    assert (row.state, row.name, row.shop_domain, row.remote_id) == (ConnectionState.REMOVED, "Kauri Shopify", "", "")
    assert (dict(row.credentials), dict(row.webhook_secret), row.calls.count()) == ({}, {}, 0)
    assert AuditEvent.objects.filter(kind="privacy.shop_redact").count() == 1


def test_nothing_of_a_forgotten_shop_s_goods_and_addresses_stays(order, row):
    CatalogVariant.objects.create(connection=row, variant_id="1", sku="BOWL", title="Bowl", seen_at=NOON)
    CatalogReading.objects.create(connection=row, state="running", started_at=NOON, due_at=NOON)
    UnlinkedSku.objects.create(connection=row, sku="BOWL", reason="missing", seen_at=NOON)
    Connection.objects.filter(pk=row.pk).update(shop_settings={"country": "NZ"}, shop_time_zone="Pacific/Auckland")
    order.pushes.update(remote_url="https://kauri.myshopify.com/admin/orders/7")

    deliver("shop/redact")
    process()

    row.refresh_from_db()
    assert (row.base_url, row.shop_settings, row.shop_time_zone) == ("", {}, "")
    assert not any(
        rows.objects.filter(connection=row).exists() for rows in (CatalogVariant, CatalogReading, UnlinkedSku)
    )
    assert order.pushes.get().remote_url == ""


def placed_there(row: Connection, count: int) -> list[Order]:
    channel = Channel.objects.create(connection=row, name="Kauri Shop")
    return [make_order(row.merchant, channel=channel) for _ in range(count)]


def test_customers_of_orders_that_were_placed_in_a_forgotten_shop_are_forgotten_in_bounded_steps(
    row, order, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(privacy, "AT_ONCE", 2)
    orders = placed_there(row, 3)

    deliver("shop/redact")
    process()
    first = [Order.objects.get(pk=each.pk).customer_email for each in orders]
    clock.tick(at=NOON + timedelta(minutes=1))

    assert first == ["", "", "harriet@example.com"]
    assert [Order.objects.get(pk=each.pk).customer_email for each in orders] == ["", "", ""]
    order.refresh_from_db()
    assert order.customer_email == "harriet@example.com"  # bought at a marketplace, not there
    request = PrivacyRequest.objects.get()
    assert (request.done_at, request.orders_found) == (NOON + timedelta(minutes=1), 3)
    assert "since its shop left Storeward" in orders[0].events.get(kind=privacy.KIND).text


def test_orders_of_a_shop_that_has_a_new_connection_stay(row):
    (order,) = placed_there(row, 1)
    Connection.objects.filter(pk=row.pk).update(state=ConnectionState.REMOVED)
    make_connection(row.merchant, platform="shopify", shop_domain=DOMAIN, connected_at=timezone.now())

    deliver("shop/redact")
    process()

    order.refresh_from_db()
    assert order.customer_email == "harriet@example.com"
    kept = AuditEvent.objects.filter(kind="privacy.shop_redact").values_list("data__kept", flat=True)
    assert "The shop has another connection: its orders stay." in kept


def test_what_a_customer_wrote_and_showed_for_a_refund_is_removed_too(order):
    request = RefundRequest.objects.create(order=order, reason="damaged", note="It broke, Harriet", created_at=NOON)
    line = RefundRequestLine.objects.create(request=request, line=order.lines.first(), quantity=1)
    RefundPicture.objects.create(request_line=line, content=b"jpeg")

    privacy.remove_personal_data(order_id=order.pk, by="Shopify", at=NOON)

    request.refresh_from_db()
    assert request.note == REMOVED
    assert not RefundPicture.objects.exists()


@pytest.mark.parametrize(("hours_before", "state"), [(47, "active"), (49, "removed")])
def test_a_shop_that_was_connected_again_after_the_uninstall_stays_connected(order, row, hours_before, state):
    asked_at = NOON - timedelta(hours=1)
    Connection.objects.filter(pk=row.pk).update(connected_at=asked_at - timedelta(hours=hours_before))

    deliver("shop/redact", triggered_at=asked_at.isoformat())
    process()

    row.refresh_from_db()
    assert row.state == state
    event = AuditEvent.objects.get(kind="privacy.shop_redact")
    assert ("kept" in event.data) is (state == "active")
    assert PrivacyRequest.objects.get().done_at == NOON


def test_a_new_connection_stays_while_the_old_one_of_the_shop_is_forgotten(order, row):
    Connection.objects.filter(pk=row.pk).update(state=ConnectionState.REMOVED)
    new = make_connection(row.merchant, platform="shopify", shop_domain=DOMAIN, connected_at=timezone.now())

    deliver("shop/redact")
    process()

    row.refresh_from_db()
    new.refresh_from_db()
    assert (row.shop_domain, new.shop_domain, new.state) == ("", DOMAIN, "active")


def test_forgetting_a_disconnected_shop_is_no_error(order, row):
    Connection.objects.filter(pk=row.pk).update(state=ConnectionState.REMOVED)

    deliver("shop/redact")
    process()

    assert InboundEvent.objects.get().state == "done"


def test_a_body_in_chunks_or_without_length_is_refused():
    answer = Client().generic("POST", "/webhooks/shopify/privacy/", b"", CONTENT_LENGTH="")

    assert answer.status_code == 411
