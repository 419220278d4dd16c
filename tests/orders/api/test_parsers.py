"""Bodies that nobody can take in: refused in a sentence, never a fault of ours."""

from __future__ import annotations

import json

import pytest

from orders.models import Order
from tests.orders.api.client import Api, make_api, sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


def test_half_a_character_is_refused_wherever_it_stands(api: Api):
    bodies = {
        "POST auto-accept/rules/": {"verdict": "\ud800"},
        "PATCH business/": {"name": "Kauri \udfff"},
        "POST orders/archive/": {"\ud800": True},
    }

    answers = [api.send(*call.split(), body, key=api.merchant_key) for call, body in bodies.items()]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert {answer.json()["code"] for answer in answers} == {"parse_error"}


def test_an_order_with_half_a_character_is_not_placed(api: Api):
    answer = api.place(sample(customer={"name": "Ana \ud83d"}))

    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Order.objects.exists()


def test_a_whole_character_may_be_written_as_two_halves(api: Api):
    body = json.dumps({"name": "Kauri \U0001fab5"})
    assert r"\ud83e\udeb5" in body

    answer = api.send("PATCH", "business/", body, key=api.merchant_key)

    assert (answer.status_code, answer.json()["name"]) == (200, "Kauri \U0001fab5")
