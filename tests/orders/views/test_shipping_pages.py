"""The pages of shipping and of click and collect, for members and for strangers."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from orders.enums import ShipmentStatus
from orders.models import Fulfillment, Order, Parcel
from tests.factories import make_member, make_order
from tests.orders.services.pushed import make_pushed
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import make_collectable, set_aside, ship
from tests.orders.views.test_refunds import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def order(merchant: Merchant) -> Order:
    return make_paid(merchant)


@pytest.fixture
def collectable(merchant: Merchant) -> Order:
    return make_collectable(merchant)


def url(name: str, row: Order | Fulfillment) -> str:
    return reverse(f"orders:{name}", args=[row.public_id])


def filled(boxes: int = 1, **fields: str) -> dict[str, str]:
    return {"parcel-TOTAL_FORMS": str(boxes), "parcel-INITIAL_FORMS": "0", "key": "click", **fields}


def test_the_order_page_offers_to_ship_what_is_paid_and_kept_here(page: Client, merchant: Merchant, order: Order):
    unpaid, pushed = make_order(merchant), make_pushed(merchant=merchant).order

    assert url("ship", order) in text_of(page.get(url("detail", order)))
    assert url("ship", unpaid) not in text_of(page.get(url("detail", unpaid)))
    assert url("ship", pushed) not in text_of(page.get(url("detail", pushed)))


def test_a_price_has_a_place_on_a_phone_where_its_column_has_none(page: Client, order: Order):
    text = text_of(page.get(url("detail", order)))

    assert '<span class="phone-only small muted">$10.00 each</span>' in text
    assert '<td class="num hide-on-phone">$10.00</td>' in text


def test_the_form_is_filled_with_all_that_is_open(page: Client, order: Order):
    text = text_of(page.get(url("ship", order)))

    assert 'name="line-0" value="3"' in text
    assert "Royal Mail" in text


def test_a_label_is_offered_only_while_something_can_be_sent(page: Client, merchant: Merchant, order: Order):
    unpaid = make_order(merchant)

    assert url("label_new", order) in text_of(page.get(url("ship", order)))
    assert url("label_new", unpaid) not in text_of(page.get(url("ship", unpaid)))


def test_shipping_from_the_form_records_parcel_and_lines(page: Client, order: Order):
    sizes = {"parcel-0-length_cm": "40", "parcel-0-width_cm": "30", "parcel-0-height_cm": "20.5"}
    data = filled(**{"line-0": "2", "parcel-0-carrier": "nzpost", "parcel-0-number": "P1", "parcel-0-weight_kg": "2.4"})

    response = page.post(url("ship", order), data | sizes, follow=True)

    assert "Shipped. The customer is told by e-mail." in text_of(response)
    parcel = Parcel.objects.get()
    assert (parcel.carrier, parcel.number, parcel.weight_g, parcel.height_mm) == ("NZ Post", "P1", 2400, 205)
    assert list(parcel.fulfillment.lines.values_list("quantity", flat=True)) == [2]


def test_the_same_click_again_ships_once(page: Client, order: Order):
    for _ in range(2):
        page.post(url("ship", order), filled(**{"line-0": "1"}))

    assert Fulfillment.objects.count() == 1


def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(page: Client, order: Order):
    data = filled(2, **{"line-0": "4", "parcel-1-number": "P9", "parcel-1-carrier": "other", "parcel-1-other": "KC"})

    response = page.post(url("ship", order), data)

    text = text_of(response)
    assert response.status_code == 422
    assert "3 of Oak stool can still go." in text
    assert 'value="P9"' in text
    assert not Fulfillment.objects.exists()


def test_a_parcels_refusal_stands_at_that_parcel(page: Client, order: Order):
    text = text_of(page.post(url("ship", order), filled(2, **{"line-0": "1", "parcel-1-number": "P9"})))

    assert "Say which carrier" in text
    assert "Another carrier" in text


def test_a_form_without_its_counters_is_refused_not_broken(page: Client, order: Order):
    assert page.post(url("ship", order), {"line-0": "1", "key": "x"}).status_code == 422


def test_an_order_with_nothing_open_says_why(page: Client, merchant: Merchant):
    pushed = make_pushed(merchant=merchant)

    assert "Kauri Shopify sends it" in text_of(page.get(url("ship", pushed.order)))


def test_an_unpaid_order_says_so(page: Client, merchant: Merchant):
    order = make_order(merchant, status="confirmed")

    assert "has not been taken" in text_of(page.get(url("ship", order)))


def test_tracking_is_added_on_its_page(page: Client, order: Order):
    row = ship(order)

    page.post(url("tracking", row), filled(**{"parcel-0-carrier": "dhl", "parcel-0-number": "JD1"}))

    assert "JD1" in text_of(page.get(url("detail", order)))


def test_tracking_without_a_number_is_refused_at_its_field(page: Client, order: Order):
    response = page.post(url("tracking", ship(order)), filled(**{"parcel-0-carrier": "dhl"}))

    assert response.status_code == 422
    assert "Give the tracking number." in text_of(response)


def test_taking_back_from_the_page_opens_the_units(page: Client, order: Order):
    row = ship(order)

    assert "Taken back" in text_of(page.post(url("take_back", row), follow=True))
    row.refresh_from_db()
    assert row.status == ShipmentStatus.CANCELLED


def test_click_and_collect_from_ready_to_picked_up(page: Client, collectable: Order):
    assert url("ready", collectable) in text_of(page.get(url("detail", collectable)))
    assert page.get(url("ship", collectable))["Location"] == url("ready", collectable)

    page.post(url("ready", collectable), {"line-0": "3", "line-1": "1"})
    row = Fulfillment.objects.get()
    detail = text_of(page.get(url("detail", collectable)))
    assert row.pickup_code in detail
    assert url("hand_over", row) in detail
    assert "ready for pickup" in text_of(page.get(reverse("orders:list")))

    page.post(url("hand_over", row), {"collected_by": "Harriet", "line-0": "3", "line-1": "1"})
    assert "Picked up" in text_of(page.get(url("detail", collectable)))


def test_handing_over_without_a_name_is_refused(page: Client, collectable: Order):
    response = page.post(url("hand_over", set_aside(collectable)), {"line-0": "1", "collected_by": ""})

    assert response.status_code == 422
    assert "This field is required" in text_of(response)


def test_viewers_neither_see_the_buttons_nor_may_use_them(client: Client, merchant: Merchant, order: Order):
    client.force_login(make_member(merchant, Role.VIEWER))
    row = ship(order, {"1": 1})

    assert url("take_back", row) not in text_of(client.get(url("detail", order)))
    assert [client.post(url(name, order)).status_code for name in ("ship", "ready")] == [403, 403]
    assert [client.post(url(name, row)).status_code for name in ("tracking", "take_back", "hand_over")] == [403] * 3


def test_another_merchants_orders_do_not_exist(page: Client):
    order = make_paid()
    row = ship(order, {"1": 1})

    assert [page.get(url(name, order)).status_code for name in ("ship", "ready")] == [404, 404]
    assert [page.post(url(name, row)).status_code for name in ("tracking", "take_back", "hand_over")] == [404] * 3


def test_a_destinations_fulfillment_has_no_such_pages(page: Client, merchant: Merchant):
    pushed = make_pushed(merchant=merchant)
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()

    assert page.get(url("tracking", Fulfillment.objects.get())).status_code == 404
