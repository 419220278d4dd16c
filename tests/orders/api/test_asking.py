"""What customers ask back through a marketplace's own pages, passed on over the API."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from accounts.services import api_keys
from orders.models import Order, OutboxMessage, RefundPicture, RefundRequest
from tests.factories import make_channel
from tests.orders.api.client import Api, make_api
from tests.orders.services.refundable import make_paid

pytestmark = pytest.mark.django_db
ASKED = {"lines": [{"id": "1", "quantity": 2}], "reason": "damaged", "note": "Two legs came broken."}


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_paid(api.merchant, channel=make_channel(api.marketplace))


def send(api: Api, order: Order, body: Any = None, *, method: str = "POST", **options: Any):
    return api.send(method, f"orders/{order.public_id}/refund-requests/", body, **options)


def photo() -> str:
    out = BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "JPEG", comment=b"CANARY")
    return base64.b64encode(out.getvalue()).decode()


def with_picture(picture: str) -> dict[str, Any]:
    return {**ASKED, "lines": [{**ASKED["lines"][0], "picture": picture}]}


def test_a_request_is_passed_on_and_the_merchant_is_told_by_whom(api: Api, order: Order):
    answer = send(api, order, ASKED)

    told = OutboxMessage.objects.filter(order=order, payload__kind="refund_asked")
    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    assert answer.json()["lines"] == [{"id": "1", "quantity": 2}]
    assert order.events.get(kind="refund.asked").by == api.marketplace.name
    assert told.count() == 1


def test_its_end_is_read_with_the_same_key(api: Api, order: Order):
    asked = send(api, order, ASKED).json()
    path = f"refund-requests/{asked['id']}/decline/"
    api.send("POST", path, {"reason": "It was delivered whole."}, key=api.merchant_key)

    (row,) = send(api, order, method="GET").json()

    assert (row["id"], row["status"], row["answer"]) == (asked["id"], "declined", "It was delivered whole.")


def test_a_picture_comes_in_base64_and_only_its_pixels_are_kept(api: Api, order: Order):
    send(api, order, with_picture(photo()))

    content = bytes(RefundPicture.objects.get().content)
    assert Image.open(BytesIO(content)).size == (20, 20)
    assert b"CANARY" not in content


@pytest.mark.parametrize("picture", ["not base64!", base64.b64encode(b"<svg/>").decode(), "\u00e9"])
def test_what_is_no_picture_is_refused_by_its_line(api: Api, order: Order, picture: str):
    refused = send(api, order, with_picture(picture))

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "lines[0].picture"
    assert not RefundRequest.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"lines": []}, 400, "lines"),
        ({"reason": "goodwill"}, 400, "reason"),
        ({"lines": [{"id": "9", "quantity": 1}]}, 422, "lines[0].quantity"),
        ({"lines": [{"id": "1", "quantity": 9}]}, 422, "lines[0].quantity"),
        ({"lines": [{"id": "1", "quantity": 1}] * 2}, 422, "lines[1].id"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_field(
    api: Api, order: Order, change: dict[str, Any], status: int, field: str
):
    refused = send(api, order, ASKED | change)

    assert refused.status_code == status
    assert refused.json()["errors"][0]["field"].startswith(field)
    assert not RefundRequest.objects.exists()


def test_one_request_is_open_at_a_time(api: Api, order: Order):
    send(api, order, ASKED)

    assert send(api, order, ASKED).status_code == 409


def test_only_the_marketplace_that_placed_the_order_asks_for_its_customer(api: Api, order: Order):
    issued = {"name": "reads", "can_write": False, "expires_at": None, "by": "tests", "at": timezone.now()}
    reading = api_keys.issue(marketplace=api.marketplace, **issued)[1]

    assert send(make_api("stranger"), order, ASKED).status_code == 404
    assert send(api, order, ASKED, key=api.merchant_key).status_code == 403
    assert send(api, order, ASKED, key=reading).status_code == 403
    assert send(api, order, method="GET", key=reading).json() == []
    assert not RefundRequest.objects.exists()
