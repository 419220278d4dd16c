"""The product-link workbench over the API: ranked by what it costs, candidates, trials, putting aside, the catalog."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.services import api_keys
from connectors.models import CatalogReading, Connection, UnlinkedSku
from connectors.services import links
from orders.api import unlinked
from tests.factories import NOON, make_blocked, make_connection, make_merchant, make_variant
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db
UNLINKED = "product-links/unlinked/"


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def shop(api: Api) -> Connection:
    return make_connection(api.merchant, name="Kauri Shopify")


def send(api: Api, method: str, path: str, body: Any = None, *, key: str | None = None) -> HttpResponse:
    return api.send(method, path, body, key=key or api.merchant_key)


def skus(api: Api, query: str = "") -> list[str]:
    return [row["unlinked"]["sku"] for row in send(api, "GET", f"{UNLINKED}{query}").json()["results"]]


def of(sku: str) -> str:
    return f"{UNLINKED}{UnlinkedSku.objects.get(sku=sku).pk}/"


def priced(sku: str, price: str) -> list[dict[str, str]]:
    return [{"sku": sku, "unit_price": price, "title": f"Title of {sku}"}]


def test_unlinked_skus_are_ranked_with_orders_money_and_candidates(api: Api, shop: Connection):
    make_blocked(shop, "ONE", lines=priced("ONE", "500.00"))
    for _ in range(2):
        make_blocked(shop, "TWO", lines=priced("TWO", "15.00"))
    variant = make_variant(shop, "two", price=Decimal("9.90"), stock=3)
    make_blocked(make_connection(), "FOREIGN")

    first, second = send(api, "GET", UNLINKED).json()["results"]

    assert (first["unlinked"]["sku"], first["unlinked"]["connection"]) == ("TWO", shop.public_id)
    assert (first["title"], first["orders"], first["money"]) == (
        "Title of TWO", 2, [{"amount": "30.00", "currency": "NZD"}],
    )  # fmt: skip
    assert [(row["variant_id"], row["price"], row["stock"]) for row in first["candidates"]] == [
        (variant.variant_id, "9.90", 3)
    ]
    assert (second["unlinked"]["sku"], second["candidates"]) == ("ONE", [])
    assert skus(api, "?sort=money") == ["ONE", "TWO"]


def test_the_ranking_has_pages_and_asks_as_much_for_three_as_for_one(api: Api, shop: Connection):
    make_blocked(shop, "A")
    skus(api)
    with CaptureQueriesContext(database) as one:
        skus(api)
    make_blocked(shop, "B")
    make_blocked(shop, "C")
    with CaptureQueriesContext(database) as three:
        assert len(skus(api)) == 3

    assert len(three) == len(one)
    page = send(api, "GET", f"{UNLINKED}?page_size=2").json()
    assert (page["count"], len(page["results"]), "page=2" in page["next"]) == (3, 2, True)
    assert send(api, "GET", f"{UNLINKED}?page=9").status_code == 404


@pytest.mark.parametrize("query", ["colour=red", "skipped=perhaps", "sort=colour"])
def test_a_filter_that_means_nothing_is_refused(api: Api, query: str):
    response = send(api, "GET", f"{UNLINKED}?{query}")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_candidates_fit_the_sku_or_the_words(api: Api, shop: Connection):
    order = make_blocked(shop, "OAK-1")
    fits = make_variant(shop, "oak1", title="Something")
    named = make_variant(shop, "ZZZ", title="Walnut bench")

    by_sku = send(api, "GET", f"{of('OAK-1')}candidates/").json()
    by_words = send(api, "GET", f"{of('OAK-1')}candidates/?q=walnut").json()

    assert (by_sku["title"], by_sku["orders"], by_sku["more_orders"]) == ("Stool of oak", [order.public_id], False)
    assert by_sku["candidates"][0]["variant_id"] == fits.variant_id
    assert [row["variant_id"] for row in by_words["candidates"]] == [named.variant_id]


def test_a_trial_says_what_a_link_would_do_and_does_nothing(api: Api, shop: Connection):
    make_blocked(shop, "A")
    variant = make_variant(shop, "B", stock=5)

    told = send(api, "GET", f"{of('A')}try/?variant_id={variant.variant_id}").json()

    assert (told["tried"], told["more"], told["go_on"], told["blocked"]) == (1, False, 1, [])
    assert UnlinkedSku.objects.filter(sku="A").exists()


def test_a_product_that_the_copy_lacks_cannot_be_tried(api: Api, shop: Connection):
    make_blocked(shop, "A")
    elsewhere = make_variant(make_connection(api.merchant), "A")

    for query in ("", f"?variant_id={elsewhere.variant_id}"):
        response = send(api, "GET", f"{of('A')}try/{query}")
        assert response.status_code == 400

    assert response.json()["errors"][0]["field"] == "variant_id"


def test_a_sku_is_put_aside_and_asked_for_again(api: Api, shop: Connection):
    make_blocked(shop, "A")

    skipped = send(api, "POST", f"{of('A')}skip/").json()
    assert skipped["skipped_at"] is not None
    assert (skus(api), skus(api, "?skipped=true")) == ([], ["A"])

    back = send(api, "POST", f"{of('A')}unskip/").json()
    assert back["skipped_at"] is None
    assert (skus(api), skus(api, "?skipped=true")) == (["A"], [])
    kinds = AuditEvent.objects.filter(by__startswith="API key").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["unlinked_sku.skipped", "unlinked_sku.brought_back"]


@pytest.mark.parametrize("path", ["skip/", "unskip/"])
def test_a_sku_that_is_linked_at_that_moment_is_409(api: Api, shop: Connection, monkeypatch, path: str):
    make_blocked(shop, "A")
    address, found = of("A"), unlinked._unlinked

    def linked_after(*args):
        row = found(*args)
        links.link(connection_id=shop.pk, sku="A", variant_id="v", variant_title="", by="ben", at=NOON)
        return row

    monkeypatch.setattr(unlinked, "_unlinked", linked_after)

    response = send(api, "POST", f"{address}{path}")

    assert (response.status_code, response.json()["code"]) == (409, "sku_not_asked")


def test_the_catalog_is_read_and_its_progress_told(api: Api, shop: Connection):
    path = f"connections/{shop.public_id}/catalog/"
    assert send(api, "GET", path).json()["state"] is None

    response = send(api, "POST", f"{path}read/")

    assert (response.status_code, response.json()["state"]) == (202, "running")
    CatalogReading.objects.update(variants=25, total=100)
    told = send(api, "GET", path).json()
    assert (told["offered"], told["variants"], told["total"], told["percent"]) == (True, 25, 100, 25)
    assert AuditEvent.objects.get(kind="catalog.reading").by.startswith("API key")


@pytest.mark.parametrize("change", [{"state": "paused"}, {"platform": "filedrop"}])
def test_a_catalog_that_cannot_be_read_is_409(api: Api, shop: Connection, change: dict[str, str]):
    Connection.objects.filter(pk=shop.pk).update(**change)

    response = send(api, "POST", f"connections/{shop.public_id}/catalog/read/")

    assert (response.status_code, response.json()["code"]) == (409, "catalog_not_read")
    assert not CatalogReading.objects.exists()


def test_what_is_another_merchants_does_not_exist(api: Api):
    theirs = make_connection(make_merchant(slug="other"))
    make_blocked(theirs, "A")
    variant = make_variant(theirs, "A")

    for path in ("candidates/", f"try/?variant_id={variant.variant_id}"):
        assert send(api, "GET", f"{of('A')}{path}").status_code == 404
    for path in ("skip/", "unskip/"):
        assert send(api, "POST", f"{of('A')}{path}").status_code == 404
    assert send(api, "GET", f"connections/{theirs.public_id}/catalog/").status_code == 404
    assert send(api, "POST", f"connections/{theirs.public_id}/catalog/read/").status_code == 404
    assert UnlinkedSku.objects.get().skipped_at is None


def test_a_key_that_only_reads_puts_nothing_aside_and_a_marketplace_s_sees_nothing(api: Api, shop: Connection):
    make_blocked(shop, "A")
    reads = api_keys.issue(
        merchant=api.merchant, name="reads", can_write=False, expires_at=None, by="tests", at=timezone.now()
    )[1]

    assert send(api, "GET", UNLINKED, key=reads).status_code == 200
    assert send(api, "GET", UNLINKED, key=api.marketplace_key).status_code == 403
    for key in (reads, api.marketplace_key):
        for path in (f"{of('A')}skip/", f"connections/{shop.public_id}/catalog/read/"):
            assert send(api, "POST", path, key=key).status_code == 403
    assert UnlinkedSku.objects.get().seen_at == NOON
    assert UnlinkedSku.objects.get().skipped_at is None
