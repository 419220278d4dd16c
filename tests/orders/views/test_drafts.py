"""The page that fills in a draft, as each role and stranger sees it."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from orders.enums import OrderStatus
from orders.models import Order, OrderRequirements
from orders.services import drafts
from tests.factories import NOON, make_connection, make_member, make_merchant, make_order
from tests.orders.drafts import BY, fill, make_draft

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def draft(merchant: Merchant) -> Order:
    return make_draft(merchant, address={"city": "", "postcode": ""})


def url(order: Order) -> str:
    return reverse("orders:draft", args=[order.public_id])


def typed(page: Client, order: Order, **changes: str) -> dict[str, str]:
    """What the browser would send: the fields as they are shown, with changes."""
    shown = page.get(url(order)).context
    values = {name: shown["form"][name].value() or "" for name in shown["form"].fields}
    return {**values, "seen": shown["seen"], **changes}


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def city(order: Order) -> str:
    return order.addresses.get(kind="shipping").city


def test_the_page_asks_for_what_is_missing_and_nothing_else(page: Client, draft: Order):
    text = page.get(url(draft)).content.decode()

    assert 'name="shipping_address-city"' in text
    assert "The shipping address has no postcode." in text
    assert "Still missing: 2" in text
    assert 'name="invoice_number"' not in text
    assert 'name="customer-email"' not in text


def test_everything_can_be_asked_for(page: Client, draft: Order):
    text = page.get(url(draft), {"all": "1"}).content.decode()

    for name in ("customer-email", "shipping_address-phone", "invoice_key", "lines-1-hs_code"):
        assert f'name="{name}"' in text


def test_a_complete_draft_goes_on(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-city": "Auckland", "shipping_address-postcode": "1011"})

    response = page.post(url(draft), data, follow=True)

    assert response.redirect_chain == [(reverse("orders:detail", args=[draft.public_id]), 302)]
    assert "is complete" in response.content.decode()
    assert fresh(draft).status == OrderStatus.PENDING


def test_a_part_is_saved_and_the_rest_asked_for(page: Client, draft: Order):
    response = page.post(url(draft), typed(page, draft, **{"shipping_address-city": "Auckland"}), follow=True)

    text = response.content.decode()
    assert "Saved. One thing is still missing." in text
    assert (city(draft), 'value="Auckland"' in text) == ("Auckland", True)


def test_what_is_wrong_is_said_beside_its_field_and_everything_typed_stays(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-city": "Auckland", "shipping_address-postcode": "ten"})

    response = page.post(url(draft), data)

    text = response.content.decode()
    assert response.status_code == 422
    assert "A postcode in New Zealand does not look like this." in text
    assert 'value="Auckland"' in text
    assert 'value="TEN"' in text or 'value="ten"' in text
    assert 'aria-invalid="true"' in text
    assert city(draft) == ""


def test_it_is_checked_while_it_is_typed_and_nothing_is_saved(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-city": "Auckland", "shipping_address-postcode": "ten"})

    text = page.post(url(draft), data, headers=HTMX).content.decode()

    assert "does not look like this" in text
    assert 'id="state-shipping_address-postcode" aria-live="polite" hx-swap-oob="true"' in text
    assert "has no city" not in text
    assert "<input" not in text
    assert city(draft) == ""


def test_the_provinces_follow_the_country_that_is_typed(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-country_code": "AU"})

    assert '<option value="NSW">New South Wales' in page.post(url(draft), data, headers=HTMX).content.decode()


def test_the_second_of_two_editors_is_told_and_loses_nothing(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-postcode": "1010"})
    fill(draft, city="Auckland", by="ben@kauri.example")

    response = page.post(url(draft), data)

    text = response.content.decode()
    assert "ben@kauri.example changed this order while you were at it." in text
    assert 'value="1010"' in text  # mine
    assert 'value="Auckland"' in text  # theirs, in a field that I left alone
    assert draft.addresses.get(kind="shipping").postcode == ""
    again = {**data, "shipping_address-city": "Auckland", "seen": response.context["seen"]}
    page.post(url(draft), again)
    assert fresh(draft).status == OrderStatus.PENDING


def test_both_values_are_shown_where_two_people_typed_in_one_field(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-city": "Hamilton"})
    fill(draft, city="Auckland", by="ben@kauri.example")

    text = page.post(url(draft), data).content.decode()

    assert 'value="Hamilton"' in text
    assert "Saved by somebody else meanwhile: Auckland" in text
    assert city(draft) == "Auckland"


def test_an_error_does_not_make_a_stale_page_fresh(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-postcode": "ten"})
    fill(draft, city="Auckland", by="ben@kauri.example")

    seen = page.post(url(draft), data).context["seen"]

    assert json.loads(seen)["shipping_address.city"] == ""


def test_what_was_typed_is_shown_when_somebody_completed_the_order(page: Client, draft: Order):
    data = typed(page, draft, **{"shipping_address-city": "Hamilton"})
    fill(draft, city="Auckland", postcode="1011", by="ben@kauri.example")

    response = page.post(url(draft), data)

    text = response.content.decode()
    assert response.status_code == 422
    assert "it is awaiting confirmation, filled in by ben@kauri.example" in text
    assert 'value="Hamilton"' in text
    assert city(draft) == "Auckland"


def test_customs_data_are_asked_of_each_line(page: Client, merchant: Merchant):
    OrderRequirements.objects.create(merchant=merchant, needs_customs=True)
    order = make_draft(merchant, address={"country_code": "AU", "province_code": "NSW", "postcode": "2000"})
    data = typed(page, order)
    for number in (0, 1):
        data |= {f"lines-{number}-hs_code": "9403.60", f"lines-{number}-origin_country": "NZ"}
    data |= {"lines-0-customs_value": "100", "lines-1-customs_value": "15.00"}

    response = page.post(url(order), data, follow=True)

    assert fresh(order).status == OrderStatus.PENDING
    assert "HS 940360 made in NZ declared at $100.00" in response.content.decode()


def test_what_cannot_be_typed_says_where_it_is_mended(page: Client, merchant: Merchant):
    OrderRequirements.objects.create(merchant=merchant, needs_link=True)
    order = make_draft(merchant, address={})

    text = page.get(url(order)).content.decode()

    assert "None of its lines has a linked product." in text
    assert reverse("orders:links") in text
    assert "Nothing to type here" in text


def test_an_order_that_lacks_nothing_is_shown_itself(page: Client, merchant: Merchant):
    order = make_order(merchant)

    response = page.get(url(order), follow=True)

    assert "Nothing is missing" in response.content.decode()


def test_what_a_destination_misses_is_asked_for_beside_its_field(page: Client, merchant: Merchant):
    order = make_order(merchant, connections=[make_connection(merchant)])
    blocker = {"code": "province_unknown", "message": "No such province there.", "field": "shipping_address.province"}
    order.pushes.update(status="held", reason="No.", wait_for="", blockers=[{**blocker, "value": "AUK"}])
    assert url(order) in page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    before = page.get(url(order)).content.decode()
    data = typed(page, order, **{"shipping_address-province_code": "WKO"})
    after = page.post(url(order), data, headers=HTMX).content.decode()

    assert ("No such province there." in before, "No such province there." in after) == (True, False)
    assert "Nothing is missing" in after


def test_the_order_shows_what_changed(page: Client, draft: Order):
    fill(draft, city="Auckland")

    text = page.get(reverse("orders:detail", args=[draft.public_id])).content.decode()

    assert "City: empty → Auckland" in text
    assert url(draft) in text


def test_the_list_has_a_pencil_for_drafts(page: Client, draft: Order):
    text = page.get(reverse("orders:list"), {"tab": "drafts"}).content.decode()

    assert f'href="{url(draft)}"' in text
    assert "The shipping address has no city." in text


def test_a_viewer_sees_no_pencil_and_may_not_fill_in(merchant: Merchant, client: Client, draft: Order):
    client.force_login(make_member(merchant, Role.VIEWER, email="vera@kauri.example"))

    assert url(draft) not in client.get(reverse("orders:list"), {"tab": "drafts"}).content.decode()
    assert client.get(url(draft)).status_code == 403


def test_a_stranger_finds_nothing(client: Client, draft: Order):
    client.force_login(make_member(make_merchant(), Role.OWNER))

    assert client.get(url(draft)).status_code == 404
    assert client.post(url(draft), {"shipping_address-city": "Auckland"}).status_code == 404


def test_a_page_that_sends_nonsense_is_answered(page: Client, draft: Order):
    for seen in ("", "[]", "{", '{"shipping_address.city": 7}'):
        response = page.post(url(draft), {"seen": seen, "shipping_address-city": "Auckland\x00"})
        assert response.status_code == 422


def test_long_orders_take_as_many_questions_as_short_ones(page: Client, merchant: Merchant):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    OrderRequirements.objects.create(merchant=merchant, needs_customs=True)
    abroad = {"country_code": "AU", "province_code": "NSW", "postcode": "2000"}
    asked = []
    for count in (1, 3):
        order = make_draft(merchant, lines=[{"sku": f"A{n}"} for n in range(count)], address=abroad)
        with CaptureQueriesContext(connection) as queries:
            page.get(url(order))
        asked.append(len(queries))

    assert asked[0] == asked[1]


def test_the_longest_order_can_be_filled_in(page: Client, merchant: Merchant):
    OrderRequirements.objects.create(merchant=merchant, needs_customs=True)
    abroad = {"country_code": "AU", "province_code": "NSW", "postcode": "2000"}
    order = make_draft(merchant, lines=[{"sku": f"A{n}", "unit_price": "1.00"} for n in range(500)], address=abroad)
    values = {"hs_code": "940360", "origin_country": "NZ", "customs_value": "1.00"}
    data = {f"lines-{n}-{name}": value for n in range(500) for name, value in values.items()}

    page.post(url(order), data)

    assert fresh(order).status == OrderStatus.PENDING


def test_a_draft_that_nobody_can_complete_here_is_left(page: Client, merchant: Merchant):
    order = make_order(merchant)
    order.payment.delete()
    Order.objects.update(payment_status="none")
    drafts.reconsider(order_id=order.pk, by=BY["by"], at=NOON)

    assert "The order came without a payment." in page.get(url(order)).content.decode()
