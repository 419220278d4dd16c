"""A store's calls, product links and catalog on their pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import Merchant, Role
from connectors import link_views, views
from connectors.models import CatalogReading, Connection, LinkImport, ProductLink
from connectors.services import calls, catalog
from tests.connectors.views.pages import HOSTILE, linked, logged, queries, said, url
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_member, make_merchant, make_variant

pytestmark = pytest.mark.django_db


def test_a_store_without_calls_or_links_says_so(page: Client, row: Connection):
    for name in ("detail", "calls"):
        assert "No call was made yet." in said(page, url(name, row))
    assert "No links yet" in said(page, url("links", row))


def test_the_latest_calls_stand_on_the_page(page: Client, row: Connection):
    for n in range(views.LATEST_CALLS + 1):
        logged(row, operation=f"call_{n}_", at=NOON + timedelta(minutes=n))
    logged(make_connection(), operation="foreign")

    text = said(page, url("detail", row))

    assert text.index("call_8_") < text.index("call_7_")
    assert "call_0_" not in text
    assert "foreign" not in text


def test_all_calls_are_shown_a_page_at_a_time(page: Client, row: Connection, monkeypatch):
    monkeypatch.setattr(calls, "PAGE", 2)
    made = [logged(row, operation=f"call_{n}_", at=NOON + timedelta(minutes=n)) for n in range(3)]

    newest = said(page, url("calls", row))
    oldest = said(page, url("calls", row) + f"?before={made[1].pk}")

    assert f"?before={made[1].pk}" in newest
    assert ("call_0_" in newest, "call_0_" in oldest, "call_1_" in oldest) == (False, True, False)


def test_calls_are_searched_and_the_search_stays_in_the_form(page: Client, row: Connection):
    logged(row, operation="order_create", status=500, outcome="RetryableError")
    logged(row, operation="shop_info")

    text = said(page, url("calls", row) + "?operation=order&answer=500&since=2026-11-20T10:00")

    assert ("order_create" in text, "shop_info" in text) == (True, False)
    for kept in ('value="order"', "<option selected>500</option>", 'value="2026-11-20T10:00"'):
        assert kept in text


def test_a_search_without_a_hit_can_be_cleared(page: Client, row: Connection):
    logged(row)

    assert "No call fits" in said(page, url("calls", row) + "?operation=none")


def test_the_log_shows_no_secret_and_no_query(page: Client, row: Connection):
    logged(row, url="https://shop.example/admin/orders.json")

    text = said(page, url("calls", row))

    assert "canary" not in text
    assert "hush" not in text


def test_the_page_asks_the_same_number_of_questions_for_one_and_three(page: Client, row: Connection):
    logged(row)
    linked(row)
    one = queries(page, url("detail", row))
    for sku in ("B", "C"):
        logged(row)
        linked(row, sku=sku)

    assert queries(page, url("detail", row)) == one <= 14


@pytest.mark.parametrize("name", ["links", "calls"])
def test_the_lists_ask_the_same_number_of_questions_for_one_and_three(page: Client, row: Connection, name: str):
    logged(row)
    linked(row)
    one = queries(page, url(name, row))
    for sku in ("B", "C"):
        logged(row)
        linked(row, sku=sku)

    assert queries(page, url(name, row)) == one <= 12


@pytest.mark.parametrize("name", ["links", "calls", "link_export", "catalog"])
def test_a_viewer_may_look(merchant: Merchant, client: Client, row: Connection, name: str):
    linked(row)
    client.force_login(make_member(merchant, Role.VIEWER))

    response = client.get(url(name, row))

    assert response.status_code == 200
    for words in (">Link<", "Check the file", ">Remove<", "Read the catalog"):
        assert words not in response.content.decode()


@pytest.mark.parametrize("name", ["links", "calls", "link_export", "catalog"])
def test_another_merchants_lists_do_not_exist(client: Client, row: Connection, name: str):
    client.force_login(make_member(make_merchant()))

    assert client.get(url(name, row)).status_code == 404


@pytest.mark.parametrize("name", ["link_import", "catalog_read"])
def test_a_viewer_imports_and_reads_nothing(merchant: Merchant, client: Client, row: Connection, name: str):
    client.force_login(make_member(merchant, Role.VIEWER))

    assert client.post(url(name, row)).status_code == 403
    assert not CatalogReading.objects.exists()


@pytest.mark.parametrize("name", ["link_import", "catalog_read"])
def test_another_merchant_imports_and_reads_nothing(client: Client, row: Connection, name: str):
    client.force_login(make_member(make_merchant()))

    assert client.post(url(name, row)).status_code == 404
    assert not CatalogReading.objects.exists()


def link(page: Client, row: Connection, **typed):
    return page.post(url("link_save", row), {"sku": "OURS", "store_sku": "STOOL", **typed})


def link_errors(response) -> dict[str, list[str]]:
    return {name: list(words) for name, words in response.context["link_form"].errors.items()}


def test_a_sku_is_linked_to_the_stores_product(page: Client, row: Connection, store: ShopOnTheWire):
    store.variants = [("STOOL", "Oak stool"), ("STOOL-2", "Another")]

    assert link(page, row)["Location"] == url("links", row)

    assert "OURS is linked to Oak stool. Orders that waited for it go on." in said(page, url("links", row))
    assert row.product_links.values_list("sku", "variant_id").get() == ("OURS", "gid://shopify/ProductVariant/1")


@pytest.mark.parametrize(
    ("sold", "words"),
    [
        ([], "The store has no products with this SKU."),
        ([("STOOL", "Oak"), ("STOOL", "Elm")], "The store has 2 products with this SKU."),
    ],
)
def test_an_unknown_or_double_sku_is_said_beside_it(
    page: Client, row: Connection, store: ShopOnTheWire, sold: list, words: str
):
    store.variants = sold

    response = link(page, row)

    assert (response.status_code, link_errors(response)) == (422, {"store_sku": [words]})
    assert 'value="OURS"' in response.content.decode()
    assert not row.product_links.exists()


def test_a_store_that_cannot_be_asked_links_nothing(page: Client, row: Connection, store: ShopOnTheWire):
    store.status = 503

    response = link(page, row)

    assert (response.status_code, list(link_errors(response))) == (422, ["store_sku"])


@pytest.mark.parametrize("name", ["sku", "store_sku"])
@pytest.mark.parametrize("value", ["", "   ", "a\x00b", "x" * 121])
def test_a_sku_that_cannot_be_is_refused_beside_it(
    page: Client, row: Connection, store: ShopOnTheWire, name: str, value: str
):
    response = link(page, row, **{name: value})

    assert list(link_errors(response)) == [name]
    assert store.operations == []


def test_a_hostile_sku_is_inert(page: Client, row: Connection, store: ShopOnTheWire):
    assert HOSTILE not in link(page, row, sku=HOSTILE).content.decode()


def test_the_sku_that_an_order_waits_for_is_filled_in(page: Client, row: Connection):
    assert 'value="SKU-9"' in said(page, url("links", row) + "?sku=SKU-9")


def test_a_link_is_removed(page: Client, row: Connection):
    text = said(page, url("link_remove", row, linked(row).pk), {})

    assert "A is no longer linked." in text
    assert not row.product_links.exists()


def test_health_stands_in_the_merchants_time(page: Client, row: Connection):
    at = timezone.now() + timedelta(hours=1)
    Connection.objects.update(open_until=at, breaker_opened=1)

    assert f"We try again at {at.astimezone(row.merchant.zone):%H:%M:%S}." in said(page, url("detail", row))


def test_links_are_searched_and_shown_a_page_at_a_time(page: Client, row: Connection, monkeypatch):
    monkeypatch.setattr(link_views, "PAGE", 2)
    for sku in ("AAA", "BBB", "CCC"):
        linked(row, sku=sku, variant_title="Oak stool")

    first, second = said(page, url("links", row)), said(page, url("links", row) + "?after=BBB")
    searched = said(page, url("links", row) + "?q=ccc")

    assert ("?after=BBB" in first, "CCC" in first, "CCC" in second, "AAA" in second) == (True, False, True, False)
    assert ("CCC" in searched, "AAA" in searched) == (True, False)


# --- files -------------------------------------------------------------------------------------------


def upload(page: Client, row: Connection, content: bytes, **more):
    file = SimpleUploadedFile("links.csv", content)
    return page.post(url("link_import", row), {"file": file}, **more)


FILE = b"marketplace_sku,store_sku\nOURS,STOOL\nTHEIRS,NONE\n"


def test_a_file_is_shown_before_it_is_saved(page: Client, row: Connection, store: ShopOnTheWire):
    make_variant(row, "STOOL")

    text = upload(page, row, FILE, follow=True).content.decode()

    assert "Nothing is saved yet. New: 1 · Not in the store: 1" in text
    assert "Save 1 link" in text
    assert text.index("THEIRS") < text.index("OURS")  # what needs a look stands first
    assert not ProductLink.objects.exists()


def test_a_file_is_applied_by_a_second_click(page: Client, row: Connection, store: ShopOnTheWire):
    make_variant(row, "STOOL")
    shown = upload(page, row, FILE, follow=True)

    text = said(page, shown.request["PATH_INFO"], {"seen": shown.context["fingerprint"]})

    assert "1 link saved. Orders that waited for them go on." in text
    assert ProductLink.objects.values_list("sku", flat=True).get() == "OURS"


def test_a_click_on_what_has_changed_saves_nothing_and_shows_it_anew(
    page: Client, row: Connection, store: ShopOnTheWire
):
    make_variant(row, "STOOL")
    shown = upload(page, row, FILE, follow=True)

    text = page.post(shown.request["PATH_INFO"], {"seen": "of another day"}).content.decode()

    assert "Something has changed since you looked. Nothing was saved: look again." in text
    assert not ProductLink.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The first line must name the columns"),
        (b"\xff\xfeA", "UTF-16"),
        (b"marketplace_sku,store_sku\nA,\xff", "Line 2 is not UTF-8"),
        (b"x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_read_says_so_beside_it(page: Client, row: Connection, content: bytes, words: str):
    response = upload(page, row, content)

    assert response.status_code == 422
    assert words in "".join(response.context["file_form"].errors["file"])
    assert not LinkImport.objects.exists()


def test_no_file_is_said_beside_it(page: Client, row: Connection):
    response = page.post(url("link_import", row), {})

    assert (response.status_code, list(response.context["file_form"].errors)) == (422, ["file"])


def test_a_store_that_cannot_be_asked_leaves_rows_unknown(page: Client, row: Connection, store: ShopOnTheWire):
    store.status = 503

    text = upload(page, row, FILE, follow=True).content.decode()

    assert "could not be asked for the products that are not known yet" in text
    assert "No row can be saved." in text


def test_hostile_cells_are_inert(page: Client, row: Connection, store: ShopOnTheWire):
    content = f"marketplace_sku,store_sku\n{HOSTILE},{HOSTILE}\n=1+1,A\x00B\n".encode()

    assert HOSTILE not in upload(page, row, content, follow=True).content.decode()


def test_another_stores_file_does_not_exist(page: Client, row: Connection):
    foreign = LinkImport.objects.create(connection=make_connection(), rows=[], created_by="x", created_at=NOON)

    assert page.get(url("link_check", row, foreign.public_id)).status_code == 404


def test_the_export_is_a_file(page: Client, row: Connection):
    linked(row, sku="=1+1")

    response = page.get(url("link_export", row))

    assert response["Content-Disposition"].startswith('attachment; filename="product-links-')
    assert b"'=1+1" in response.content


# --- catalog -----------------------------------------------------------------------------------------


def test_the_catalog_is_read_when_asked(page: Client, row: Connection):
    text = said(page, url("catalog_read", row), {})

    assert "The catalog of Kauri Shopify is being read." in text
    assert 'hx-trigger="every 2s"' in text


@pytest.mark.parametrize(("wanted", "reached"), [("/links/x/?sku=A", "/links/x/?sku=A"), ("https://evil.example/", "")])
def test_who_has_the_catalog_read_stays_on_the_page(page: Client, row: Connection, wanted: str, reached: str):
    response = page.post(url("catalog_read", row), {"next": wanted})

    assert response["Location"] == (reached or url("links", row))


def test_the_end_of_a_reading_is_told_to_the_page(page: Client, row: Connection, store: ShopOnTheWire):
    store.variants, store.page_size = [("A", "Oak"), ("B", "Elm")], 1
    catalog.start(connection_id=row.pk, by="ana", at=NOON)
    catalog.read_on(connection_id=row.pk, at=NOON)

    during = page.get(url("catalog", row))
    catalog.read_on(connection_id=row.pk, at=NOON)
    after = page.get(url("catalog", row))

    assert ("HX-Trigger" in during, after["HX-Trigger"]) == (False, "catalog-read")


def test_the_progress_is_a_part_that_looks_again(page: Client, row: Connection, store: ShopOnTheWire):
    store.variants, store.page_size = [("A", "Oak"), ("B", "Elm")], 1
    catalog.start(connection_id=row.pk, by="ana", at=NOON)
    catalog.read_on(connection_id=row.pk, at=NOON)

    text = said(page, url("catalog", row))

    assert "Reading: 1 of 2 products, 1 page." in text
    assert "<html" not in text
    catalog.read_on(connection_id=row.pk, at=NOON)
    assert 'hx-trigger="every 2s"' not in said(page, url("catalog", row))


def test_a_catalog_that_cannot_be_read_says_why(page: Client, row: Connection):
    Connection.objects.update(state="paused")

    assert "Its catalog was not read." in said(page, url("catalog_read", row), {})
