"""Auto-accept rules, opening hours and the clock in the Order Manager, as each role and stranger sees them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Merchant, Role, User
from orders import queries
from orders.models import AcceptRule, BusinessHours, Order
from orders.services import accept_rules
from tests.factories import NOON, make_channel, make_marketplace, make_member, make_merchant, make_order
from tests.orders.services.accepting import OFFICE, auto_accept, make_checked, make_rule

pytestmark = pytest.mark.django_db
RULES, HOURS = "/settings/auto-accept/", "/settings/opening-hours/"
HOUR = timedelta(hours=1)
DEADLINES = {"confirm_in_business_time": "on", "remind_at_half": "on", "remind_before": "8, 0.5", "last_resort": "release",
             "last_resort_before": "1.5"}  # fmt: skip


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def manager(merchant: Merchant, client: Client) -> Client:
    client.force_login(make_member(merchant, Role.MANAGER))
    return client


@pytest.fixture
def viewer(merchant: Merchant, client: Client) -> Client:
    client.force_login(make_member(merchant, Role.VIEWER))
    return client


# --- rules ---


def test_without_rules_the_page_says_what_decides(page: Client):
    text = page.get(RULES).content.decode()

    assert "No rules yet: the switch below decides alone." in text
    assert "Auto-accept" in page.get("/settings/orders/").content.decode()


def test_a_manager_adds_a_rule_and_sees_it_in_words(manager: Client, merchant: Merchant):
    market = make_channel(make_marketplace(merchants=[merchant]))
    data = {"verdict": "accept", "total_to": "500", "customer": "known", "ready": "on", "listed": "in", "countries": "nz, AU",
            "channel": str(market.pk), "sku_match": "none", "skus": "LAMP-\nGIFT", "arrived_in": "open"}  # fmt: skip

    text = manager.post(RULES, data, follow=True).content.decode()

    assert (
        f"Total at most 500.00 NZD; customer has ordered before; all lines linked and in stock; ships to NZ, AU; from"
        f" {market.name}; no SKU begins with LAMP-, GIFT; arrived in opening hours"
    ) in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"total_from": "9", "total_to": "1"}, "This is less than the amount that it begins with."),
        ({"listed": "in", "countries": "XX"}, "XX is no ISO 3166-1 country code"),
        ({"sku_match": "all"}, "Name the beginnings of SKUs"),
        ({"total_to": "1.001"}, "This is an amount in NZD, with 2 decimals at the most."),
        ({"channel": "0"}, "not one of the available choices"),
    ],
    ids=str,
)
def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(page: Client, data: dict, said: str):
    response = page.post(RULES, {"verdict": "accept", "total_from": "7", **data})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert f'value="{data.get("total_from", "7")}"' in response.content.decode()
    assert not AcceptRule.objects.exists()


def test_a_manager_changes_a_rule_from_what_it_is_now(manager: Client, merchant: Merchant):
    make_rule(merchant, ready=True)
    rule = make_rule(merchant, total_to=Decimal(500), listed="in", countries=["NZ", "AU"])
    door = reverse("orders:accept_rule_edit", args=[rule.public_id])
    assert door in manager.get(RULES).content.decode()
    shown = manager.get(door).content.decode()
    assert ('value="500.00"' in shown, 'value="NZ, AU"' in shown) == (True, True)

    response = manager.post(door, {"verdict": "ask", "total_to": "250"})

    rule.refresh_from_db()
    assert (response.status_code, rule.verdict, rule.total_to, rule.listed, rule.position) == (302, "ask", 250, "", 1)
    event = AuditEvent.objects.get(kind="accept_rule.changed")
    assert "500.00 NZD; ships to NZ, AU" in event.data["before"]
    assert "250.00 NZD" in event.subject


def test_a_change_that_is_refused_keeps_what_was_typed_and_the_rule(manager: Client, merchant: Merchant):
    rule = make_rule(merchant, total_to=Decimal(500))

    response = manager.post(
        reverse("orders:accept_rule_edit", args=[rule.public_id]),
        {"verdict": "accept", "total_from": "9", "total_to": "1"},
    )

    rule.refresh_from_db()
    text = response.content.decode()
    assert (response.status_code, rule.total_to) == (422, 500)
    assert "This is less than the amount that it begins with." in text
    assert 'value="9"' in text


def test_a_viewer_changes_no_rule(viewer: Client, merchant: Merchant):
    rule = make_rule(merchant, total_to=Decimal(500))

    assert viewer.get(reverse("orders:accept_rule_edit", args=[rule.public_id])).status_code == 403


def test_saving_a_rule_as_it_is_leaves_no_line_in_the_trail(manager: Client, merchant: Merchant):
    rule = make_rule(merchant, total_to=Decimal(500))

    manager.post(
        reverse("orders:accept_rule_edit", args=[rule.public_id]), {"verdict": rule.verdict, "total_to": "500"}
    )

    assert not AuditEvent.objects.filter(kind="accept_rule.changed").exists()


def test_rules_are_raised_and_removed(page: Client, merchant: Merchant):
    first, second = make_rule(merchant, total_to=Decimal(1)), make_rule(merchant, total_to=Decimal(2))

    page.post(reverse("orders:accept_rule_raise", args=[second.public_id]))
    assert list(AcceptRule.objects.of(merchant).in_order()) == [second, first]
    page.post(reverse("orders:accept_rule_remove", args=[second.public_id]))

    assert list(AcceptRule.objects.all()) == [first]


def test_the_default_and_shadow_mode_are_saved(page: Client, merchant: Merchant):
    page.post(reverse("orders:auto_accept_save"), {"default": "on", "shadow": "on"})

    merchant.refresh_from_db()
    assert (merchant.auto_accept, accept_rules.is_shadow(merchant)) == (True, True)
    assert "Shadow mode is on" in page.get(RULES).content.decode()


def test_the_look_back_shows_counts_and_what_is_not_known(page: Client, merchant: Merchant):
    make_rule(merchant, ready=True)
    given_back = make_order(merchant, payment={"status": "authorized"}, placed_at=timezone.now())
    Order.objects.update(payment_status="refunded")

    text = page.get(reverse("orders:auto_accept_look_back")).content.decode()

    assert '<dd class="strong" id="would-accept">1</dd>' in text
    assert "1 of these, wholly or in part" in text
    assert given_back.number in text
    assert "1 of the accepted rest on stock and links that are not known any more" in text


def test_the_look_back_names_each_order_that_would_have_been_accepted_page_by_page(page: Client, merchant: Merchant):
    make_rule(merchant)
    for number in range(51):
        make_order(merchant, number=f"A-{number:02}", placed_at=timezone.now() + timedelta(seconds=number))

    first, second = (page.get(reverse("orders:auto_accept_look_back") + f"?page={n}").content.decode() for n in (1, 2))

    assert (first.count(">A-"), ">A-50<" in first, "Rule 1</td>" in first) == (50, True, True)
    assert (second.count(">A-"), ">A-00<" in second) == (1, True)


def test_a_look_back_at_nothing_says_so(page: Client):
    assert "No order was placed in this time." in page.get(reverse("orders:auto_accept_look_back")).content.decode()


def test_the_rules_page_asks_the_same_number_of_questions_for_one_and_three(page: Client, merchant: Merchant):
    channel = make_channel(make_marketplace(merchants=[merchant]))
    make_rule(merchant, channel_id=channel.pk)
    page.get(RULES)
    with CaptureQueriesContext(connection) as one:
        page.get(RULES)
    for _ in range(2):
        make_rule(merchant, channel_id=channel.pk)
    with CaptureQueriesContext(connection) as three:
        page.get(RULES)

    assert len(three) == len(one)


@pytest.mark.parametrize("name", ["accept_rule_edit", "accept_rule_raise", "accept_rule_remove"])
def test_another_merchants_rule_does_not_exist(page: Client, name: str):
    rule = make_rule(make_merchant())

    assert page.post(reverse(f"orders:{name}", args=[rule.public_id])).status_code == 404
    assert AcceptRule.objects.count() == 1


def test_a_viewer_looks_and_changes_nothing(viewer: Client, merchant: Merchant):
    rule = make_rule(merchant)

    assert "Add a rule" not in viewer.get(RULES).content.decode()
    assert "Save</button>" not in viewer.get(HOURS).content.decode()
    for path in (
        RULES,
        HOURS,
        reverse("orders:auto_accept_save"),
        reverse("orders:accept_rule_raise", args=[rule.public_id]),
        reverse("orders:accept_rule_remove", args=[rule.public_id]),
    ):
        assert viewer.post(path, {"verdict": "ask"}).status_code == 403
    assert AcceptRule.objects.count() == 1


# --- opening hours ---


def test_the_page_begins_with_what_many_have_and_saves_it(page: Client, merchant: Merchant):
    channel = make_channel(make_marketplace(merchants=[merchant]))
    assert "Nothing is saved yet" in page.get(HOURS).content.decode()
    data = {**OFFICE, **DEADLINES, "closed_days": "2026-12-25", "ship_within_days": "3", f"channel-{channel.pk}": "1"}

    text = page.post(HOURS, data, follow=True).content.decode()

    hours = BusinessHours.objects.get()
    assert (hours.remind_before, hours.last_resort, hours.last_resort_before) == ([480, 30], "release", 90)
    assert (hours.closed_days, merchant.ship_within.get().days) == (["2026-12-25"], 1)
    assert "An order that is placed now is to be accepted by" in text
    assert 'value="8, 0.5"' in text
    assert 'value="1.5"' in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"monday": "9-5"}, "“9-5” is no time from and to"),
        ({"closed_days": "Christmas"}, "“Christmas” is no date"),
        ({"remind_before": "soon"}, "These are hours between commas"),
        ({"ship_within_days": "99"}, "less than or equal to 60"),
        ({"last_resort": "hope"}, "not one of the available choices"),
    ],
    ids=str,
)
def test_hours_that_make_no_sense_are_refused_beside_their_field(page: Client, data: dict, said: str):
    response = page.post(HOURS, {**OFFICE, **DEADLINES, "tuesday": "10:00-11:00", **data})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert 'value="10:00-11:00"' in response.content.decode()
    assert not BusinessHours.objects.exists()


# --- the order's page ---


def test_the_order_says_why_it_waits(page: Client, merchant: Merchant):
    make_rule(merchant, customer="known")
    make_rule(merchant, "ask")
    order = make_checked(merchant)
    auto_accept(order)

    text = page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert "<strong>Why:</strong> Rule 2 asks you: every order." in text
    assert "Rule 1 does not hold: the customer has not ordered before." in text


def test_an_order_without_a_decision_says_nothing(page: Client, merchant: Merchant):
    order = make_order(merchant)

    assert "Why:" not in page.get(reverse("orders:detail", args=[order.public_id])).content.decode()


def test_all_deadlines_that_count_stand_on_the_page(page: Client, merchant: Merchant):
    order = make_order(merchant, ship_by=NOON + 60 * HOUR, authorized_until=NOON + 90 * HOUR)

    text = page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert text.index("Ship by</dt>") < text.index("Authorized until</dt>") < text.index("Confirm by</dt>")


# --- the clock in the list ---


@pytest.mark.parametrize(
    ("fields", "said", "tone"),
    [
        ({"confirm_by": 3.5}, "Accept within 3 h", " bad-text"),
        ({"confirm_by": 30.5}, "Accept within 30 h", ""),
        ({"confirm_by": 73}, "Accept within 3 days", ""),
        ({"confirm_by": 0.516}, "Accept within 30 min", " bad-text"),
        ({"confirm_by": -2.1}, "Accept: overdue by 2 h", " bad-text"),
        ({"confirm_by": 90, "ship_by": 8.5}, "Ship within 8 h", ""),
        ({"confirm_by": 90, "authorized_until": 2.5}, "Take the payment within 2 h", " bad-text"),
        ({"confirm_by": 999, "ship_by": 200}, "Ship within 8 days", ""),
    ],
    ids=str,
)
def test_a_row_says_what_is_due_and_when(page: Client, merchant: Merchant, fields: dict, said: str, tone: str):
    now = timezone.now()
    hours_left = {"authorized_until": 1000, **fields}
    order = make_order(merchant, **{name: now + hours * HOUR for name, hours in hours_left.items()})

    badge = f'<span class="sub{tone}">{said}</span>'
    assert badge in page.get("/orders/").content.decode()
    assert badge in page.get(reverse("orders:detail", args=[order.public_id])).content.decode()


def test_a_draft_is_to_be_completed(page: Client, merchant: Merchant):
    draft = {"status": "draft", "blockers": [{"code": "not_paid", "message": "No payment.", "field": "", "value": ""}]}
    now = timezone.now()
    make_order(merchant, confirm_by=now + 3.5 * HOUR, authorized_until=now + 1000 * HOUR, **draft)

    assert "Complete within 3 h</span>" in page.get("/orders/").content.decode()


def test_what_is_to_be_shipped_this_week_names_the_day(page: Client, merchant: Merchant):
    at = timezone.now() + timedelta(days=3)
    make_order(merchant, confirm_by=at + HOUR, ship_by=at, authorized_until=at + HOUR)

    assert f"Ship by {at.astimezone(merchant.zone):%a}</span>" in page.get("/orders/").content.decode()


def shown(merchant: Merchant, **query: str) -> list[Order]:
    wanted = queries.Wanted.from_query(query)
    return queries.order_page(merchant, wanted, at=NOON).orders


def test_the_nearest_deadline_comes_first_and_orders_without_one_are_left_out(merchant: Merchant):
    late = make_order(merchant, confirm_by=NOON + 9 * HOUR)
    soon = make_order(merchant, confirm_by=NOON + 90 * HOUR, ship_by=NOON + HOUR)
    make_order(merchant, status="declined")

    assert shown(merchant, sort="due") == [soon, late]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"due": "overdue"}, 1),
        ({"due": "4h"}, 2),
        ({"due": "today"}, 3),
        ({"due": "week"}, 4),
        ({"due": "ship"}, 1),
        ({"due": "accept"}, 4),
        ({"due": "nonsense"}, 5),
    ],
    ids=str,
)
def test_orders_are_found_by_their_deadline(merchant: Merchant, query: dict, count: int):
    for hours in (-1, 3, 10, 100):  # noon in UTC is one in the morning in Auckland
        make_order(merchant, confirm_by=NOON + hours * HOUR)
    until = {"expires_at": NOON + 950 * HOUR}
    make_order(merchant, confirm_by=NOON + 900 * HOUR, ship_by=NOON + 800 * HOUR, payment=until)

    assert len(shown(merchant, **query)) == count


def test_pages_by_deadline_show_every_order_once(merchant: Merchant, monkeypatch):
    monkeypatch.setattr(queries, "PAGE_SIZE", 3)
    for n in range(10):
        make_order(merchant, confirm_by=NOON + (n // 3) * HOUR)
    cursor, seen = "", []
    while True:
        found = queries.order_page(merchant, queries.Wanted(by_due=True, cursor=cursor), at=NOON)
        seen += [(order.due_at, order.pk) for order in found.orders]
        cursor = found.next_cursor
        if not cursor:
            break

    assert seen == sorted(seen)
    assert len(set(seen)) == 10


def test_the_list_is_narrowed_over_the_page(page: Client, merchant: Merchant):
    order = make_order(merchant, confirm_by=timezone.now() - HOUR)

    text = page.get("/orders/?due=overdue&sort=due").content.decode()

    assert order.number in text
    assert '<option value="overdue" selected>' in text
    assert "No order matches" in page.get("/orders/?due=ship").content.decode()
