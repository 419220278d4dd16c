"""Order data settings: what is refused and why, who changed what, and what follows for orders that wait."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import transaction

from accounts.models import AuditEvent, Role
from connectors.models import Connection, Location, ShippingRule, SyncSettings, TaxPreset
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.errors import InvalidSettings
from orders.models import OutboxMessage
from orders.services import notices, order_data, preflight
from orders.services.order_data import NewRule, NewTax
from tests.factories import NOON, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db

GST = NewTax("NZ", "GST", Decimal("0.15"))


@pytest.fixture
def store(merchant) -> Connection:
    return make_connection(merchant, name="Kauri")


def save(store: Connection, **chosen) -> SyncSettings:
    return order_data.save(connection_id=store.pk, by="ana", at=NOON, **chosen)


def kept() -> list[list[dict]]:
    return [list(kind.objects.order_by("pk").values()) for kind in (SyncSettings, TaxPreset, ShippingRule)]


def refused(store: Connection, **chosen) -> list[tuple[str, str]]:
    before = kept()
    with pytest.raises(InvalidSettings) as caught:
        save(store, **chosen)
    assert kept() == before
    return [(problem.field, problem.code) for problem in caught.value.problems]


# --- what may be ----------------------------------------------------------------------------------


def test_what_changed_is_written_down_before_and_after():
    store = make_connection()

    save(store, push_every_minutes=30, tag_template="{channel}", taxes=[GST], rules=[NewRule(Decimal(0), Decimal(12))])
    save(store, push_every_minutes=30)

    (event,) = AuditEvent.objects.filter(kind="connection.settings")
    assert (event.by, event.subject) == ("ana", store.name)
    assert event.data["before"] == {
        "push_every_minutes": 0, "shipping_rules": [], "tag_template": "{channel} Order", "taxes": [],
    }  # fmt: skip
    assert event.data["after"] == {
        "push_every_minutes": 30, "shipping_rules": ["from 0: 12"], "tag_template": "{channel}", "taxes": ["NZ: GST 15 %"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "minutes", "taken"),
    [("shopify", 5, True), ("shopify", 4, False), ("shopify", 1440, True), ("shopify", 1441, False), ("shopify", 0, True),
     ("squarespace", 5, False), ("squarespace", 15, True)],
)  # fmt: skip
def test_an_interval_may_be_longer_than_the_platform_s_and_never_shorter(platform, minutes, taken):
    store = make_connection(platform=platform)

    if taken:
        assert save(store, push_every_minutes=minutes).push_every_minutes == minutes
    else:
        assert refused(store, push_every_minutes=minutes) == [("push_every_minutes", "out_of_range")]


def test_the_refusal_of_a_short_interval_gives_the_reason(store):
    with pytest.raises(InvalidSettings, match="at the most every 5 minutes, which spares its rate limit"):
        save(store, push_every_minutes=1)


@pytest.mark.parametrize(
    ("platform", "chosen", "problem"),
    [
        ("shopify", {"max_age_days": 0}, ("max_age_days", "out_of_range")),
        ("shopify", {"max_age_days": 366}, ("max_age_days", "out_of_range")),
        ("shopify", {"tag_template": "{no_such}"}, ("tag_template", "bad_template")),
        ("shopify", {"note_template": "{order_number"}, ("note_template", "bad_template")),
        ("shopify", {"tag_template": "x" * 41}, ("tag_template", "text_too_long")),
        ("shopify", {"email_policy": "other"}, ("other_email", "required")),
        ("shopify", {"other_email": "nobody"}, ("other_email", "invalid")),
        ("shopify", {"alert_addresses": ["nobody"]}, ("alert_addresses", "invalid")),
        ("shopify", {"alert_addresses": ["a@kauri.example"] * 11}, ("alert_addresses", "too_many")),
        ("shopify", {"fulfillment_status": "fulfilled"}, ("location", "required")),
        ("woocommerce", {"fulfillment_status": "fulfilled"}, ("financial_status", "not_possible")),
        ("woocommerce", {"tag_template": "{channel}"}, ("tag_template", "not_offered")),
        ("squarespace", {"note_template": "{channel}"}, ("note_template", "not_offered")),
        ("squarespace", {"financial_status": "unpaid"}, ("financial_status", "not_offered")),
        ("squarespace", {"taxes": [GST]}, ("taxes", "not_offered")),
        ("squarespace", {"rules": [NewRule(Decimal(0), Decimal(1))]}, ("shipping_rules", "not_offered")),
        ("ssactivewear", {"push_by_hand": True}, ("push_by_hand", "not_offered")),
        ("shopify", {"tracking_key": "_code"}, ("tracking_key", "not_offered")),
        ("woocommerce", {"tracking_key": "two words"}, ("tracking_key", "invalid")),
        ("woocommerce", {"tracking_key": "a\nb"}, ("tracking_key", "invalid")),
        ("woocommerce", {"tracking_key": "x" * 101}, ("tracking_key", "invalid")),
        ("woocommerce", {"tracking_key": "storeward_reference"}, ("tracking_key", "invalid")),
        ("woocommerce", {"tracking_key": "_storeward_line"}, ("tracking_key", "invalid")),
        ("filedrop", {"bypass_stock_check": True}, ("bypass_stock_check", "not_offered")),
        ("ssactivewear", {"bypass_stock_check": True}, ("bypass_stock_check", "not_offered")),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(platform, chosen, problem):
    assert refused(make_connection(platform=platform), **chosen) == [problem]


@pytest.mark.parametrize(
    ("taxes", "problem"),
    [
        ([GST, NewTax("NZ", "VAT", Decimal("0.2"))], ("taxes[1].country_code", "overlaps")),
        ([NewTax("XX", "GST", Decimal("0.15"))], ("taxes[0].country_code", "unknown_country")),
        ([NewTax("NZ", " ", Decimal("0.15"))], ("taxes[0].name", "invalid")),
        ([NewTax("NZ", "GST", Decimal(1))], ("taxes[0].rate", "out_of_range")),
        ([NewTax("NZ", "GST", Decimal("-0.01"))], ("taxes[0].rate", "out_of_range")),
        ([NewTax("NZ", "GST", Decimal("0.0000001"))], ("taxes[0].rate", "out_of_range")),
    ],
)
def test_a_tax_that_cannot_be_is_refused_beside_its_row(store, taxes, problem):
    assert refused(store, taxes=taxes) == [problem]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("100", "5"), ("100.00", "0")], ("shipping_rules[1].minimum", "overlaps")),
        ([("-1", "5")], ("shipping_rules[0].minimum", "out_of_range")),
        ([("0", "-5")], ("shipping_rules[0].cost", "out_of_range")),
        ([("0", "1000000")], ("shipping_rules[0].cost", "out_of_range")),
        ([("0", "5.001")], ("shipping_rules[0].cost", "too_many_decimals")),
    ],
)
def test_a_rule_that_cannot_be_is_refused_beside_its_row(store, rows, problem):
    rules = [NewRule(Decimal(minimum), Decimal(cost)) for minimum, cost in rows]

    assert refused(store, rules=rules) == [problem]


def test_a_location_of_another_store_or_a_closed_one_is_refused(store):
    theirs = Location.objects.create(connection=make_connection(), remote_id="1", name="Theirs")
    closed = Location.objects.create(connection=store, remote_id="2", name="Closed", is_active=False)

    for place in (theirs, closed):
        assert refused(store, fulfillment_status="fulfilled", location=place) == [("location", "unknown")]


def test_unfulfilled_again_the_location_is_forgotten(store):
    place = Location.objects.create(connection=store, remote_id="1", name="Warehouse")
    save(store, fulfillment_status="fulfilled", location=place)

    assert save(store, fulfillment_status="unfulfilled").location is None


# --- what follows ---------------------------------------------------------------------------------


@pytest.fixture
def shelf() -> FakeStore:
    shelf = FakeStore()
    shelf.stock_up("A", stock=0)
    return shelf


def checked(store: Connection, shelf: FakeStore, **fields):
    order = make_order(store.merchant, connections=[store], lines=[{"sku": "A"}], **fields)
    with transaction.atomic():
        preflight.ask(order, at=NOON)
    outbox.drain(at=NOON, world=make_world(shelf))
    return order.pushes.get()


def test_an_order_older_than_the_limit_is_blocked_before_its_payment(store, shelf):
    save(store, max_age_days=10)

    push = checked(store, shelf, placed_at=NOON - timedelta(days=10, seconds=1))

    (blocker,) = push.blockers
    assert (push.status, blocker["code"], blocker["field"]) == (PushStatus.HELD, "too_old", "placed_at")
    assert "Kauri takes none older than 10" in blocker["message"]


def test_an_order_at_the_limit_is_not_too_old(store, shelf):
    shelf.stock_up("A")
    save(store, max_age_days=10)

    assert checked(store, shelf, placed_at=NOON - timedelta(days=10)).blockers == []


def test_a_raised_limit_lets_the_order_go_on(store, shelf):
    shelf.stock_up("A")
    save(store, max_age_days=10)
    push = checked(store, shelf, placed_at=NOON - timedelta(days=20))

    save(store, max_age_days=30)
    outbox.drain(at=NOON, world=make_world(shelf))

    push.refresh_from_db()
    assert (push.status, push.blockers) == (PushStatus.WAITING, [])


def test_a_bypassed_stock_check_lets_orders_go_on_that_wait_for_stock(store, shelf):
    push = checked(store, shelf)
    assert push.blockers[0]["code"] == "out_of_stock"

    save(store, bypass_stock_check=True)
    outbox.drain(at=NOON, world=make_world(shelf))

    push.refresh_from_db()
    assert push.blockers == []


def test_other_settings_ask_no_store_again(store, shelf):
    checked(store, shelf)

    save(store, alert_addresses=["desk@kauri.example"], push_by_hand=True)

    assert (
        not OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER, wait_for="")
        .exclude(status=OutboxStatus.DONE)
        .exists()
    )


def told(store: Connection, push=None) -> list[str]:
    with transaction.atomic():
        order = make_order(store.merchant)
        notices.promise_merchant(order, kind="push_held", cause_key="x", at=NOON, reason="Why", push=push)
    outbox.drain(at=NOON, world=make_world(FakeStore()))
    return [address for message in mail.outbox for address in message.to]


def test_problems_of_a_connection_are_told_to_its_own_addresses(store):
    store.merchant.alert_addresses = ["all@kauri.example"]
    store.merchant.save()
    save(store, alert_addresses=["shop@kauri.example"])
    push = make_order(store.merchant, connections=[store]).pushes.get()

    assert told(store, push) == ["shop@kauri.example"]


def test_without_own_addresses_and_for_what_is_about_no_connection_the_merchant_s_count(store):
    make_member(store.merchant, Role.OWNER)
    store.merchant.alert_addresses = ["all@kauri.example"]
    store.merchant.save()
    push = make_order(store.merchant, connections=[store]).pushes.get()

    assert told(store, push) == ["all@kauri.example"]
