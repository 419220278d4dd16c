"""The customer's link on the order's page: for whoever may give refunds, written down, with and without htmx."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from orders.models import Order
from tests.factories import make_member, make_merchant, make_order
from tests.orders.services.refundable import make_paid
from tests.orders.views.test_refunds import HTMX, text_of

pytestmark = pytest.mark.django_db
BUTTON = "Refund link for the customer"


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def order(merchant: Merchant) -> Order:
    return make_paid(merchant)


def detail(order: Order) -> str:
    return reverse("orders:detail", args=[order.public_id])


def address(order: Order) -> str:
    return reverse("orders:refund_link", args=[order.public_id])


def shown(response) -> str:
    (found,) = re.findall(r'id="refund-link-url">(?:http://127.0.0.1:8000)?([^<]+)<', response.content.decode())
    return found


def test_a_manager_gets_the_link_from_the_orders_page(page: Client, order: Order, owner: User):
    offered = text_of(page.get(detail(order)))

    response = page.post(address(order), headers=HTMX)

    assert BUTTON in offered
    assert Client().get(shown(response)).status_code == 200
    assert "<html" not in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert order.events.get(kind="refund.link_taken").by == owner.get_username()


def test_without_htmx_it_is_a_page_that_leads_back(page: Client, order: Order):
    response = page.post(address(order))

    assert Client().get(shown(response)).status_code == 200
    assert f'href="{detail(order)}"' in text_of(response)


def test_a_viewer_neither_sees_the_button_nor_gets_the_link(client: Client, merchant: Merchant, order: Order):
    client.force_login(make_member(merchant, Role.VIEWER))

    assert BUTTON not in text_of(client.get(detail(order)))
    assert client.post(address(order)).status_code == 403
    assert not order.events.filter(kind="refund.link_taken").exists()


def test_an_untaken_payment_offers_none_and_says_why(page: Client, merchant: Merchant):
    order = make_order(merchant)

    assert BUTTON not in text_of(page.get(detail(order)))
    assert "there is nothing to ask back" in text_of(page.post(address(order), follow=True))


def test_strangers_find_nothing_and_it_takes_a_post(page: Client, order: Order):
    assert page.post(address(make_paid(make_merchant()))).status_code == 404
    assert page.get(address(order)).status_code == 405
