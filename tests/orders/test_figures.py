"""The figures above the list, and the counts on its tabs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import figures, queries
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import OrderPush, Payment
from orders.models.payment import STORE
from orders.templatetags.storeward import day_bars
from tests.factories import NOON, make_channel, make_connection, make_merchant, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def kauri():
    cache.clear()
    return SimpleNamespace(merchant=make_merchant(time_zone="Pacific/Auckland"), channel=make_channel())


def shown(merchant, at=NOON):
    return figures.of(merchant, queries.tab_counts(merchant, queries.Wanted(), at=at), at=at)


def card(merchant, label, at=NOON):
    return next(kpi for kpi in shown(merchant, at).kpis if kpi.label == label)


def captured(kauri, at, amount="100.00", **fields):
    return make_order(
        kauri.merchant,
        channel=kauri.channel,
        lines=[{"unit_price": amount}],
        status=OrderStatus.CONFIRMED,
        payment_status=PaymentStatus.CAPTURED,
        payment={"captured": Decimal(amount), "captured_at": at},
        **fields,
    )


def counted(kauri, **query: str) -> dict[str, str]:
    return queries.tab_counts(kauri.merchant, queries.Wanted.from_query(query), at=NOON)


def test_each_tab_counts_its_own_orders(kauri):
    make_order(kauri.merchant, channel=kauri.channel)
    make_order(kauri.merchant, channel=kauri.channel, push_status=PushStatus.HELD)
    make_order()

    counts = counted(kauri)

    assert (counts["all"], counts["confirm"], counts["attention"], counts["completed"]) == ("2", "1", "1", "0")


def test_a_tab_counts_no_further_than_it_shows(kauri, monkeypatch):
    monkeypatch.setattr(queries, "COUNT_CAP", 2)
    for _ in range(3):
        make_order(kauri.merchant, channel=kauri.channel)

    assert counted(kauri)["confirm"] == "1+"


def test_all_tabs_are_counted_by_one_query(kauri):
    with CaptureQueriesContext(connection) as asked:
        counted(kauri)

    assert len(asked) == 1


def test_a_search_is_counted_on_every_tab(kauri):
    make_order(kauri.merchant, channel=kauri.channel, search_text="priya oak")
    make_order(kauri.merchant, channel=kauri.channel, search_text="priya", status=OrderStatus.DECLINED)
    make_order(kauri.merchant, channel=kauri.channel, search_text="priya", is_archived=True)
    make_order(kauri.merchant, channel=kauri.channel, search_text="tom")
    make_order(search_text="priya of another merchant")

    for tab in ("all", "closed"):  # whichever tab is open
        counts = counted(kauri, q="Priya", tab=tab)
        assert {key: count for key, count in counts.items() if count != "0"} == {
            "all": "2", "confirm": "1", "closed": "1", "archived": "1",
        }  # fmt: skip


def test_a_deadline_is_counted_as_the_list_shows_it(kauri):
    for hours in (-1, 2, 50):
        make_order(kauri.merchant, channel=kauri.channel, confirm_by=NOON + timedelta(hours=hours))

    assert [counted(kauri, due=due)["confirm"] for due in ("overdue", "4h", "week")] == ["1", "2", "3"]
    for due in ("overdue", "4h", "week"):
        wanted = queries.Wanted.from_query({"due": due})
        assert str(len(queries.order_page(kauri.merchant, wanted, at=NOON).orders)) == counted(kauri, due=due)["all"]


@pytest.mark.plants("I1", "two pushes at once")
def test_a_destination_counts_an_order_with_two_pushes_there_once(kauri):
    shop = make_connection(kauri.merchant)
    order = make_order(kauri.merchant, channel=kauri.channel, connections=[shop])
    first = order.pushes.get()
    OrderPush.objects.create(
        order=order, connection=shop, reference="SW-2", generation=2, status=first.status, wait_for=first.wait_for,
        subtotal=first.subtotal, tax=first.tax, total=first.total,
    )  # fmt: skip
    make_order(kauri.merchant, channel=kauri.channel)

    assert counted(kauri, destination=shop.public_id)["all"] == "1"


def test_narrowed_tabs_are_capped_and_ask_as_often_as_there_are_tabs(kauri, monkeypatch):
    monkeypatch.setattr(queries, "COUNT_CAP", 2)
    for _ in range(3):
        make_order(kauri.merchant, channel=kauri.channel, search_text="priya")

    with CaptureQueriesContext(connection) as asked:
        counts = counted(kauri, q="priya")

    assert (counts["all"], counts["confirm"], counts["closed"]) == ("1+", "1+", "0")
    assert len(asked) == len(queries.TABS)


def test_orders_fall_on_the_merchants_days(kauri):
    late_evening_in_utc = NOON.replace(hour=11, minute=30)  # half past midnight in Auckland, the next day
    make_order(kauri.merchant, channel=kauri.channel, placed_at=late_evening_in_utc)
    make_order(kauri.merchant, channel=kauri.channel, placed_at=late_evening_in_utc, auto_accepted=True)

    today = shown(kauri.merchant).days[-1]

    assert (today.day.isoformat(), today.auto, today.by_hand) == ("2026-11-24", 1, 1)


def test_captures_are_summed_up_from_monday_on(kauri):
    tuesday = NOON + timedelta(hours=12)
    captured(kauri, NOON, "100.00")
    captured(kauri, NOON - timedelta(days=4), "50.00")

    week = card(kauri.merchant, "Captured this week", at=tuesday)

    assert (week.value, week.note) == ("$100.00", "+100 % on last week")


def test_money_in_another_currency_is_not_added(kauri):
    captured(kauri, NOON, "100.00", currency="USD")

    assert card(kauri.merchant, "Captured this week").value == "$0.00"


def test_what_a_store_took_itself_is_named_and_not_counted(kauri):
    captured(kauri, NOON, "100.00")
    for at in (NOON, NOON - timedelta(days=4)):
        order = captured(kauri, at, "30.00")
        Payment.objects.filter(order=order).update(gateway=STORE)

    week = card(kauri.merchant, "Captured this week", at=NOON + timedelta(hours=12))

    assert (week.value, week.note) == ("$100.00", "nothing last week; $30.00 paid in your stores")


def test_what_is_due_soon_stands_on_its_card(kauri):
    make_order(kauri.merchant, channel=kauri.channel, confirm_by=NOON + timedelta(hours=3))

    due = card(kauri.merchant, "Needs confirmation")

    assert (due.value, due.note, due.tone) == ("1", "1 due in under 4 h", "warn")


def test_two_weeks_are_summed_up_once_a_minute(kauri):
    shown(kauri.merchant)

    with CaptureQueriesContext(connection) as asked:
        shown(kauri.merchant)

    assert len(asked) == 3  # the tabs, what is due, what waits


def test_one_merchants_figures_are_not_anothers(kauri):
    captured(kauri, NOON)
    shown(kauri.merchant)

    assert card(make_merchant(), "Captured this week").value == "$0.00"


@pytest.mark.parametrize(("most", "scale"), [(0, (1, 2)), (7, (4, 8)), (10, (5, 10))])
def test_the_scale_beside_the_chart_is_of_whole_orders_and_holds_the_highest_day(most: int, scale: tuple[int, int]):
    chart = day_bars([SimpleNamespace(day=NOON.date(), auto=most, by_hand=0)])

    assert (chart["half"], chart["top"]) == scale
