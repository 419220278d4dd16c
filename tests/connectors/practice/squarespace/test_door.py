"""Who gets in, and what is said to those who do not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from connectors.practice import dials
from connectors.practice.squarespace import limits
from tests.connectors.practice.squarespace.site import INVENTORY, ORDERS, SUBSCRIPTIONS, call, get, import_body, oauth

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_key_says_which_site_it_is_of(site):
    website = get(site, "authorization/website")

    assert (website["title"], website["currency"], website["siteId"]) == ("Kauri & Clay", "NZD", "clay")
    assert website["url"] == "http://testserver/practice/squarespace/clay"


@pytest.mark.parametrize("token", ["wrong", " ", "key"])
def test_a_wrong_key_gets_401(site, token):
    answer = call(site, "GET", ORDERS, token=token)

    assert (answer.status_code, json.loads(answer.content)["type"]) == (401, "AUTHORIZATION_ERROR")


def test_another_scheme_than_bearer_gets_401(site):
    assert call(site, "GET", ORDERS, headers={"Authorization": f"Basic {site.access_token}"}).status_code == 401


def test_whoever_does_not_say_who_asks_is_refused(site):
    answer = call(site, "GET", ORDERS, headers={"User-Agent": ""})

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(("scopes", "reads", "writes"), [([], 403, 403), (["website.orders.read"], 200, 403)])
def test_a_permission_that_was_not_given_is_missed(site, scopes, reads, writes):
    site.scopes = scopes
    site.save()

    assert call(site, "GET", ORDERS).status_code == reads
    assert call(site, "POST", ORDERS, import_body(site)).status_code == writes


@pytest.mark.parametrize("path", [SUBSCRIPTIONS, f"{SUBSCRIPTIONS}/1", f"{SUBSCRIPTIONS}/1/actions/rotateSecret"])
def test_an_api_key_cannot_manage_webhooks(site, path):
    assert call(site, "POST", path).status_code == 403


@pytest.mark.parametrize("path", ["commerce/nothing", "commerce/orders/1/refunds", "commerce"])
def test_an_unknown_address_is_the_gateways_404(site, path):
    answer = call(site, "GET", path)

    assert (answer.status_code, "contextId" in json.loads(answer.content)) == (404, False)


@pytest.mark.parametrize("order_id", ["0" * 24, "f" * 24, "1", "nothing"])
def test_an_unknown_order_is_the_applications_404(site, order_id):
    answer = call(site, "GET", f"{ORDERS}/{order_id}")

    assert (answer.status_code, bool(json.loads(answer.content)["contextId"])) == (404, True)


def test_another_method_is_refused(site):
    assert call(site, "DELETE", ORDERS).status_code == 405


def test_one_request_too_many_closes_the_door_for_a_minute(site):
    with time_machine.travel(NOON, tick=False) as clock:
        answers = [limits.admit_request(site) for _ in range(301)]
        clock.shift(timedelta(seconds=59))
        early = call(site, "GET", ORDERS).status_code
        clock.shift(timedelta(seconds=1))

        assert (answers.count(True), early, call(site, "GET", ORDERS).status_code) == (300, 429, 200)


def test_a_key_imports_a_hundred_orders_an_hour(site):
    with time_machine.travel(NOON, tick=False) as clock:
        admitted = [limits.admit_import(site) for _ in range(101)]
        refused = call(site, "POST", ORDERS, import_body(site))
        clock.shift(timedelta(hours=1))

        assert (admitted.count(True), refused.status_code, "Retry-After" in refused) == (100, 429, False)
        assert call(site, "POST", ORDERS, import_body(site)).status_code == 201


def test_an_oauth_app_imports_as_many_as_it_likes(site):
    for _ in range(100):
        limits.admit_import(site)

    assert call(site, "POST", ORDERS, import_body(site), token=oauth(site)).status_code == 201


def test_the_throttle_can_be_dialled(site):
    dials.turn(site.pk, "throttled", left=1)

    assert [call(site, "GET", INVENTORY).status_code for _ in range(2)] == [429, 200]


def test_the_order_list_and_the_address_lead_to_the_practice_pages(site, client):
    there = reverse("practice:shop", args=["clay"])

    assert client.get("/practice/squarespace/clay/config/commerce/orders").url == there
    assert client.get("/practice/squarespace/clay/").url == there


def test_the_pages_say_what_to_type(site, client):
    page = client.get(reverse("practice:shop", args=["clay"])).content.decode()

    assert site.access_token in page
    assert "/practice/squarespace/clay" in page
    assert oauth(site) not in page
