"""What order data settings do at the destination: the portal and practice stores of three platforms, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from connectors.models import Connection, Location
from connectors.practice import dials
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.services import clients
from orders import outbox
from orders.enums import PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import by_hand, decisions, order_data, preview
from orders.services.order_data import NewRule, NewTax
from tests.connectors.practice import shop as shopify
from tests.connectors.practice.squarespace import site as squarespace
from tests.connectors.practice.woocommerce import shop as woocommerce
from tests.factories import make_member, make_merchant, make_order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

GST = [{"title": "GST", "rate": "0.15", "amount": "13.04"}]
NET_30 = {"payment_terms": "Net 30", "line_sheet": "Winter"}
SHOPS = {"shopify": shopify.make_shop, "woocommerce": woocommerce.make_shop, "squarespace": squarespace.make_site}
everywhere = pytest.mark.parametrize("platform", list(SHOPS))


@pytest.fixture(autouse=True)
def _portal(live_server, settings):
    settings.BASE_URL = live_server.url
    yield
    let_go()


def connected(platform: str, **chosen) -> Connection:
    """Connected on the page, by a person who chose the practice store."""
    shop = SHOPS[platform]()
    page = Client()
    page.force_login(make_member(make_merchant(currency="NZD"), Role.OWNER, email="ana@kauri.example"))
    response = page.post(f"/connections/new/{platform}/", {"practice": shop.slug})
    assert response.status_code == 302, response.content
    connection = Connection.objects.get()
    if chosen:
        change(connection, **chosen)
    return connection


def change(connection: Connection, **chosen) -> None:
    order_data.save(connection_id=connection.pk, by="ana", at=timezone.now(), **chosen)


def confirmed(connection: Connection, **fields) -> Order:
    """Two stools for 100.00, confirmed now, and everything done that is due."""
    stools = {"sku": "STOOL", "quantity": 2, "unit_price": "50.00", "taxes": GST}
    order = make_order(connection.merchant, connections=[connection], **{"lines": [stools], **fields})
    now = timezone.now()
    placed = fields.get("placed_at", now)
    Order.objects.filter(pk=order.pk).update(placed_at=placed, received_at=now, confirm_by=now + timedelta(days=5))
    order.payment.expires_at = now + timedelta(days=7)
    order.payment.save()
    decisions.confirm(order_id=order.pk, by="ana", at=now)
    outbox.drain()
    return Order.objects.get(pk=order.pk)


def push_of(order: Order) -> OrderPush:
    return OrderPush.objects.select_related("order", "connection__sync_settings").get(order=order)


def codes(order: Order) -> list[str]:
    return [blocker["code"] for blocker in push_of(order).blockers]


def there() -> PracticeOrder:
    return PracticeOrder.objects.get()


def with_location(connection: Connection) -> Location:
    assert order_data.read_locations(connection_id=connection.pk, at=timezone.now()) == 1
    return connection.locations.get()


# --- statuses -------------------------------------------------------------------------------------


def test_shopify_has_wholesale_orders_as_unpaid_and_unfulfilled():
    order = confirmed(connected("shopify"), attributes=NET_30)

    assert (push_of(order).status, push_of(order).remote_total) == (PushStatus.PUSHED, 100)
    assert (there().financial_status, there().outstanding, there().fulfillments.count()) == ("PENDING", 100, 0)


def test_shopify_has_other_orders_as_paid():
    confirmed(connected("shopify"))

    assert (there().financial_status, there().outstanding) == ("PAID", 0)


def test_shopify_fulfills_at_the_location_that_was_chosen():
    connection = connected("shopify")
    change(connection, fulfillment_status="fulfilled", location=with_location(connection))

    order = confirmed(connection)

    assert (push_of(order).status, codes(order)) == (PushStatus.PUSHED, [])
    assert [line.unfulfilled for line in there().lines.all()] == [0]


def test_a_location_that_was_closed_blocks_before_the_payment():
    connection = connected("shopify")
    change(connection, fulfillment_status="fulfilled", location=with_location(connection))
    Location.objects.update(is_active=False)

    order = confirmed(connection)

    assert (codes(order), order.payment_status) == (["pickup_location_unmapped"], "authorized")


@pytest.mark.parametrize(
    ("chosen", "attributes", "status", "received"),
    [
        ({}, {}, "processing", 100),
        ({}, NET_30, "on-hold", 0),
        ({"financial_status": "unpaid"}, {}, "on-hold", 0),
        ({"financial_status": "paid", "fulfillment_status": "fulfilled"}, NET_30, "processing", 100),
    ],
)
def test_woocommerce_has_the_status_that_the_settings_mean(chosen, attributes, status, received):
    order = confirmed(connected("woocommerce", **chosen), attributes=attributes)

    assert (push_of(order).status, push_of(order).remote_total) == (PushStatus.PUSHED, 100)
    assert (there().details["status"], there().received) == (status, received)
    sent = [line.unfulfilled for line in there().lines.all()]
    assert sent == ([0] if "fulfillment_status" in chosen else [2])


@pytest.mark.parametrize(("status", "unfulfilled"), [("unfulfilled", 2), ("fulfilled", 0)])
def test_squarespace_has_orders_as_paid_and_fulfilled_as_set(status, unfulfilled):
    order = confirmed(connected("squarespace", fulfillment_status=status), attributes=NET_30)

    assert (push_of(order).status, push_of(order).remote_total, there().financial_status) == (
        PushStatus.PUSHED,
        100,
        "PAID",
    )
    assert [line.unfulfilled for line in there().lines.all()] == [unfulfilled]


# --- words, address, customer ---------------------------------------------------------------------


def test_shopify_gets_the_words_of_the_templates():
    chosen = {
        "tag_template": "{payment_terms}",
        "note_template": "Sheet: {line_sheet}\nPO: {po_number}\nOrder {order_number}",
    }
    order = confirmed(connected("shopify", **chosen), attributes=NET_30)

    assert there().tags == sorted(["Net 30", push_of(order).reference])
    assert there().note == f"Sheet: Winter\nOrder {order.number}"


def test_woocommerce_gets_the_note_of_the_template_harmless():
    confirmed(connected("woocommerce", note_template="<b>{line_sheet}</b>"), attributes=NET_30)

    assert there().details["notes"][0]["note"].splitlines()[0] == "&lt;b&gt;Winter&lt;/b&gt;"


def test_a_text_that_is_too_long_for_this_order_blocks_before_the_payment():
    order = confirmed(connected("shopify", tag_template="{line_sheet}"), attributes={"line_sheet": "x" * 41})

    assert (codes(order), order.payment_status, PracticeOrder.objects.count()) == (["text_too_long"], "authorized", 0)


@everywhere
@pytest.mark.parametrize(
    ("policy", "address"),
    [
        ("none", ""),
        ("customer", "harriet@example.com"),
        ("merchant", "ana@kauri.example"),
        ("other", "desk@rimu.example"),
    ],
)
def test_every_store_gets_the_address_that_was_chosen_and_no_other(platform, policy, address):
    confirmed(connected(platform, email_policy=policy, other_email="desk@rimu.example"))

    kept = there().details
    in_customer = ((kept.get("customer") or {}).get("toUpsert") or {}).get("email", "")
    assert (kept.get("email") or in_customer) == address


@pytest.mark.parametrize("create", [True, False])
def test_shopify_makes_a_customer_when_the_settings_say_so(create):
    confirmed(connected("shopify", email_policy="customer", create_customer=create))

    kept = there().details
    assert (bool(kept.get("customer")), bool(kept.get("email"))) == (create, not create)


# --- tax ------------------------------------------------------------------------------------------

UNTOLD = {"sku": "STOOL", "quantity": 2, "unit_price": "50.00"}


def test_shopify_gets_the_preset_tax_on_lines_that_name_none_to_the_cent():
    connection = connected("shopify", taxes=[NewTax("NZ", "GST 15 %", Decimal("0.15"))])
    fields = {"prices_include_tax": False, "tax": 15, "total": Decimal(115)}

    order = confirmed(connection, lines=[UNTOLD], **fields)

    assert (push_of(order).status, push_of(order).remote_total, there().tax) == (PushStatus.PUSHED, 115, 15)
    assert there().lines.get().taxes[0]["title"] == "GST 15 %"


def test_without_the_preset_the_same_order_is_blocked():
    order = confirmed(connected("shopify"), lines=[UNTOLD], prices_include_tax=False, tax=15, total=Decimal(115))

    assert (codes(order), order.payment_status) == (["total_mismatch"], "authorized")


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_a_wrong_preset_blocks_before_the_payment(platform):
    connection = connected(platform, taxes=[NewTax("NZ", "GST", Decimal("0.125"))])

    order = confirmed(connection, lines=[UNTOLD], prices_include_tax=False, tax=15, total=Decimal(115))

    assert (codes(order)[0], order.payment_status, PracticeOrder.objects.count()) == ("total_mismatch", "authorized", 0)


def test_woocommerce_gets_the_preset_rate_where_its_own_table_is_too_long_to_know():
    connection = connected("woocommerce", taxes=[NewTax("NZ", "GST", Decimal("0.15"))])
    Connection.objects.update(
        shop_settings={**connection.shop_settings, "rates": None}, shop_settings_at=timezone.now()
    )

    order = confirmed(connection, lines=[UNTOLD], tax=0)

    assert (push_of(order).status, push_of(order).remote_total) == (PushStatus.PUSHED, 100)


# --- shipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
@pytest.mark.parametrize(("minimum", "cost"), [(0, 12), (100, 12), (101, 0)])
def test_an_unpaid_order_costs_what_the_rules_say(platform, minimum, cost):
    connection = connected(platform, financial_status="unpaid", rules=[NewRule(Decimal(minimum), Decimal(12))])
    taxes = [{"title": "GST", "rate": "0.15", "amount": "0.91"}]

    order = confirmed(connection, shipping=7, shipping_taxes=taxes)

    push = push_of(order)
    assert (push.status, push.remote_total, push.due_total) == (PushStatus.PUSHED, 100 + cost, 100 + cost)
    assert "equal to what was sent" in push.order.events.get(kind="push.equal").text


@everywhere
def test_a_paid_order_costs_what_the_customer_paid(platform):
    rules = None if platform == "squarespace" else [NewRule(Decimal(0), Decimal(12))]
    connection = connected(platform, rules=rules, push_by_hand=True)
    taxes = [{"title": "GST", "rate": "0.15", "amount": "0.91"}]

    order = confirmed(connection, shipping=7, shipping_taxes=taxes)
    by_hand.push_now(push_id=push_of(order).pk, by="ana", at=timezone.now())
    outbox.drain()

    assert (push_of(order).remote_total, push_of(order).due_total) == (107, None)


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_the_typed_price_of_shipping_is_there_to_the_cent(platform):
    connection = connected(platform, financial_status="unpaid", push_by_hand=True)
    taxes = [{"title": "GST", "rate": "0.15", "amount": "0.91"}]
    order = confirmed(connection, shipping=7, shipping_taxes=taxes)

    by_hand.push_now(push_id=push_of(order).pk, by="ana", at=timezone.now(), shipping_fee=Decimal("9.90"))
    outbox.drain()

    assert (push_of(order).status, there().total) == (PushStatus.PUSHED, Decimal("109.90"))


def test_a_price_that_the_store_would_tax_otherwise_is_held_unsent():
    """The order told no tax on shipping, and WooCommerce puts its own on it."""
    connection = connected("woocommerce", financial_status="unpaid", push_by_hand=True)
    order = confirmed(connection)

    by_hand.push_now(push_id=push_of(order).pk, by="ana", at=timezone.now(), shipping_fee=Decimal("10.00"))
    outbox.drain()

    assert (push_of(order).status, codes(order), PracticeOrder.objects.count()) == (
        PushStatus.HELD,
        ["total_mismatch"],
        0,
    )


# --- when -----------------------------------------------------------------------------------------


@everywhere
def test_what_is_pushed_by_hand_waits_paid_and_is_there_once(platform):
    order = confirmed(connected(platform, push_by_hand=True))
    assert (push_of(order).waits_for_hand, order.payment_status, PracticeOrder.objects.count()) == (True, "captured", 0)

    by_hand.push_order(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()

    assert (push_of(order).status, there().total) == (PushStatus.PUSHED, 100)


@everywhere
def test_an_order_that_is_too_old_is_blocked_before_its_payment(platform):
    order = confirmed(connected(platform, max_age_days=3), placed_at=timezone.now() - timedelta(days=4))

    assert (codes(order), order.payment_status, PracticeOrder.objects.count()) == (["too_old"], "authorized", 0)


@everywhere
def test_a_change_in_mid_push_neither_sends_twice_nor_loses(platform):
    connection = connected(platform)
    shop = PracticeShop.objects.get()
    dials.turn(shop.pk, "lost_answer", left=1)
    order = confirmed(connection)
    assert push_of(order).status == PushStatus.UNKNOWN

    change(connection, push_by_hand=True, push_every_minutes=60, email_policy="customer", max_age_days=1)
    OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).update(next_attempt_at=timezone.now())
    outbox.drain()

    assert (push_of(order).status, push_of(order).adopted, PracticeOrder.objects.count()) == (
        PushStatus.PUSHED,
        True,
        1,
    )


def test_a_preview_shows_the_settings_as_they_are_now():
    connection = connected("shopify", push_by_hand=True)
    order = confirmed(connection, attributes=NET_30)

    change(connection, tag_template="{payment_terms}", financial_status="paid")
    push = push_of(order)
    shown = {field.path: field for field in preview.of(push, clients.connector_for(push.connection)).calls[0].fields}

    assert '"Net 30"' in shown["variables.order.tags"].value
    assert shown["variables.order.financialStatus"].value == '"PAID"'
    assert "connection setting" in shown["variables.order.financialStatus"].sources
