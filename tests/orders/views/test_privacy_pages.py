"""The owners' page about personal data."""

from __future__ import annotations

import json

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from connectors.models import PrivacyRequest
from connectors.models.privacy import PrivacyTopic
from tests.factories import NOON, make_connection, make_member, make_order

pytestmark = pytest.mark.django_db
PAGE = "/settings/privacy/"


@pytest.fixture
def page(owner, client) -> Client:
    client.force_login(owner)
    return client


def asked(merchant=None, **fields) -> PrivacyRequest:
    row = make_connection(merchant)
    order = make_order(row.merchant, connections=[row])
    order.pushes.update(remote_id="gid://shopify/Order/7", status="pushed", wait_for="", pushed_at=NOON)
    given = {"topic": PrivacyTopic.DATA_REQUEST, "event_id": f"w-{row.pk}", "received_at": NOON, "done_at": NOON}
    return PrivacyRequest.objects.create(
        connection=row, remote_order_ids=["gid://shopify/Order/7"], **{**given, **fields}
    )


def test_without_requests_the_page_says_what_would_stand_here(page):
    assert "No requests" in page.get(PAGE).content.decode()


def test_an_owner_downloads_what_is_held(page, merchant):
    request = asked(merchant)

    answer = page.post(f"{PAGE}{request.public_id}/")

    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(answer.content)["orders"][0]["customer"]["name"] == "Harriet Ngata"


def test_only_a_data_request_is_downloaded(page, merchant):
    request = asked(merchant, topic=PrivacyTopic.CUSTOMER_REDACT)

    assert page.post(f"{PAGE}{request.public_id}/").status_code == 404
    assert "Download" not in page.get(PAGE).content.decode()


def test_another_merchants_request_does_not_exist(page):
    request = asked()

    assert page.post(f"{PAGE}{request.public_id}/").status_code == 404
    assert request.connection.name not in page.get(PAGE).content.decode()


@pytest.mark.parametrize("role", [Role.MANAGER, Role.VIEWER])
def test_only_owners_see_it(client, merchant, role):
    request = asked(merchant)
    client.force_login(make_member(merchant, role))

    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}{request.public_id}/").status_code == 403


def test_three_requests_cost_no_more_queries_than_one(page, merchant):
    def queries() -> int:
        page.get(PAGE)
        with CaptureQueriesContext(database) as counted:
            page.get(PAGE)
        return len(counted)

    asked(merchant)
    one = queries()
    asked(merchant), asked(merchant)

    assert queries() == one
