"""Lists of orders over the API: sorted, page by page, forwards and back; found as the Order Manager finds them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.services import plans
from orders.models import Order, OrderAddress
from tests.factories import NOON, make_channel, make_connection, make_order
from tests.orders.api.client import Api, make_api
from tests.orders.services.collected import make_pickup
from tests.orders.services.labelled import make_label, send_to
from tests.orders.services.refundable import make_paid
from tests.orders.services.test_refund_requests import ask

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def api() -> Api:
    return make_api()


def get(api: Api, query: str):
    return api.send("GET", f"orders/?{query}", key=api.merchant_key)


def numbers(api: Api, query: str) -> list[str]:
    return [row["number"] for row in get(api, query).json()["results"]]


def walk(api: Api, query: str, way: str = "next") -> tuple[list[str], str]:
    """Ids of all pages from this one on, and the query of the last."""
    seen: list[str] = []
    while True:
        page = get(api, query).json()
        rows = [row["id"] for row in page["results"]]
        seen = seen + rows if way == "next" else rows + seen
        if not page[way]:
            return seen, query
        query = page[way].partition("?")[2]


def many(api: Api, count: int = 7) -> None:
    """Several of which were placed at one time, and are due at one."""
    for n in range(count):
        make_order(api.merchant, placed_at=NOON - n // 3 * HOUR, confirm_by=NOON + n // 3 * HOUR)


def wanted(column: str, *, ascending: bool) -> list[str]:
    rows = sorted(Order.objects.all(), key=lambda order: (getattr(order, column), order.pk), reverse=not ascending)
    return [order.public_id for order in rows]


@pytest.mark.parametrize(
    ("sort", "column", "ascending"),
    [("newest", "placed_at", False), ("oldest", "placed_at", True), ("due_at", "due_at", True)],
)
def test_a_sorted_list_is_walked_to_its_end_and_back(api: Api, sort: str, column: str, ascending: bool):
    many(api)

    there, last = walk(api, f"sort={sort}&page_size=2")
    back, _ = walk(api, last, "previous")

    assert there == back == wanted(column, ascending=ascending)


def test_orders_that_come_in_meanwhile_move_no_page(api: Api):
    many(api)
    first = get(api, "page_size=3").json()
    rest = wanted("placed_at", ascending=False)[3:]
    make_order(api.merchant, placed_at=NOON + HOUR)

    assert walk(api, first["next"].partition("?")[2])[0] == rest


def test_by_deadline_orders_without_one_are_left_out(api: Api):
    late, soon = (make_order(api.merchant, confirm_by=NOON + hours * HOUR) for hours in (9, 1))
    make_order(api.merchant, status="declined")

    assert numbers(api, "sort=due_at") == [soon.number, late.number]


def test_a_sort_that_means_nothing_is_refused(api: Api):
    refused = get(api, "sort=total")

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "sort")


def test_a_cursor_is_of_one_sort_and_of_this_list(api: Api):
    many(api)
    following = get(api, "page_size=2").json()["next"].partition("?")[2]

    assert get(api, following).status_code == 200
    assert get(api, f"{following}&sort=oldest").status_code == 404
    assert [get(api, f"cursor={text}").status_code for text in ("x", "on.newest.x", "", "on.newest.%2E", "é")] == [
        404
    ] * 5


def test_a_marketplaces_list_is_sorted_as_well(api: Api):
    channel = make_channel(marketplace=api.marketplace)
    late, soon = (make_order(api.merchant, channel=channel, confirm_by=NOON + hours * HOUR) for hours in (9, 1))
    make_order(api.merchant)

    rows = api.send("GET", "orders/?sort=due_at").json()["results"]

    assert [row["number"] for row in rows] == [soon.number, late.number]


LISTS = (
    "labels/", "pickups/", "partnerships/", "partner-orders/", "partner-shipments/", "refund-requests/", "product-links/",
    "orders/owed-back/", "connections/{connection}/calls/", "connections/{connection}/tracking-files/",
    "connections/{connection}/purchase-orders/",
)  # fmt: skip


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize("cursor", ["cD14", "cD0x", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "on.newest.x", ""])
def test_a_cursor_that_somebody_changed_is_refused_by_every_list(api: Api, address: str, cursor: str):
    plans.set_orders_addon(merchant_id=api.merchant.pk, on=True, by="ana", at=NOON)
    mill = make_connection(api.merchant, platform="filedrop_sftp")
    address = address.format(connection=mill.public_id)

    answers = [api.send("GET", f"{address}{query}", key=api.merchant_key) for query in ("", f"?cursor={cursor}")]

    may_be_whole = address == "product-links/" and cursor in ("", "cD0x")  # a place among the links
    assert [answer.status_code for answer in answers] == [200, 200 if may_be_whole else 404]


def with_everything(order: Order) -> dict[str, str]:
    """Ids of a label, a pickup and a customer's request, each by its list."""
    send_to(order)
    rows = {"labels/": make_label(order), "pickups/": make_pickup(order), "refund-requests/": ask(order)}
    return {address: row.public_id for address, row in rows.items()}


def test_labels_pickups_and_requests_are_found_by_their_order(api: Api):
    order = make_paid(api.merchant)
    wanted, _ = with_everything(order), with_everything(make_paid(api.merchant))

    def ids(address: str, of: str) -> list[str]:
        rows = api.send("GET", f"{address}?order={of}", key=api.merchant_key).json()["results"]
        return [row["id"] for row in rows]

    assert {address: ids(address, order.public_id) for address in wanted} == {a: [row] for a, row in wanted.items()}
    assert [ids(address, "nobodys") for address in wanted] == [[], [], []]


# --- what the Order Manager finds ---


def test_orders_are_found_by_words_by_destination_and_by_channel(api: Api):
    there = make_connection(api.merchant)
    found = make_order(api.merchant, connections=[there], search_text="ap-1 priya patel stool-oak")
    make_order(api.merchant, connections=[make_connection(api.merchant)], search_text="ap-2 priya nair vase")

    assert numbers(api, "search=priya+STOOL") == [found.number]
    assert numbers(api, f"destination={there.public_id}") == [found.number]
    assert numbers(api, "destination=nobodys") == []
    assert numbers(api, f"channel={found.channel.name}") == [found.number]


def test_orders_without_an_address_are_found(api: Api):
    without, other = make_order(api.merchant), make_order(api.merchant)
    OrderAddress.objects.filter(order=without).delete()

    assert numbers(api, "without_address=true") == [without.number]
    assert numbers(api, "without_address=false") == [other.number]
    assert get(api, "without_address=maybe").status_code == 400


def test_what_cannot_be_looked_for_is_refused(api: Api):
    assert [get(api, f"{name}=%00").status_code for name in ("search", "destination", "channel")] == [400] * 3
