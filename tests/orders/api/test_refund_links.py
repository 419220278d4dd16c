"""The link with which a customer asks for a refund, over the API: for keys that may change the order, and written down."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.services import api_keys
from orders.models import Order
from orders.services import refund_links
from tests.factories import NOON, make_channel, make_order
from tests.orders.api.client import Api, make_api
from tests.orders.services.refundable import make_paid

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_paid(api.merchant, channel=make_channel(api.marketplace))


def take(api: Api, order: Order, key: str):
    return api.send("POST", f"orders/{order.public_id}/refund-link/", key=key)


@pytest.mark.parametrize("whose", ["merchant_key", "marketplace_key"])
def test_the_link_opens_the_customers_page_and_who_took_it_is_written_down(api: Api, order: Order, whose: str):
    answer = take(api, order, getattr(api, whose))

    page = Client().get(answer.json()["url"].removeprefix("http://127.0.0.1:8000"))
    event = order.events.get(kind="refund.link_taken")
    assert (answer.status_code, answer["Cache-Control"], page.status_code) == (201, "no-store", 200)
    assert order.number in page.content.decode()
    assert event.by.startswith("API key tests (")
    assert answer.json()["url"] not in event.text + str(event.data)


def test_it_says_until_when_it_is_valid(api: Api, order: Order):
    with time_machine.travel(NOON, tick=False):
        until = datetime.fromisoformat(take(api, order, api.merchant_key).json()["valid_until"])

    assert until.astimezone(UTC) == NOON + refund_links.VALID_FOR


def test_a_key_that_may_only_read_gets_none(api: Api, order: Order):
    issued = {"name": "reads", "can_write": False, "expires_at": None, "by": "tests", "at": timezone.now()}
    reading = api_keys.issue(merchant=api.merchant, **issued)[1]

    assert take(api, order, reading).status_code == 403
    assert api.send("GET", f"orders/{order.public_id}/refund-link/", key=api.merchant_key).status_code == 405
    assert not order.events.filter(kind="refund.link_taken").exists()


def test_to_others_the_order_does_not_exist(api: Api, order: Order):
    stranger = make_api("stranger")

    assert [take(api, order, key).status_code for key in (stranger.merchant_key, stranger.marketplace_key)] == [404] * 2


def test_where_nothing_can_be_asked_back_there_is_none_and_it_says_why(api: Api, order: Order):
    untaken = take(api, make_order(api.merchant), api.merchant_key)
    order.payment.gateway = "store"
    order.payment.save()
    elsewhere = take(api, order, api.merchant_key)

    assert [answer.status_code for answer in (untaken, elsewhere)] == [409, 409]
    assert "was taken here" in untaken.json()["detail"]
    assert "money is asked back there" in elsewhere.json()["detail"]
