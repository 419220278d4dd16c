"""The product-link workbench, as each role and stranger sees it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Merchant, Role, User
from connectors.models import CallLog, ClearedCondition, Connection, ProductLink, UnlinkedSku
from connectors.services import links
from orders.views import links as link_views
from tests.connectors.views.pages import HOSTILE, queries, said
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_blocked, make_connection, make_member, make_merchant, make_order, make_variant
from tests.orders.services.partnered import make_partnership

pytestmark = pytest.mark.django_db
LIST = "/links/"


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def viewer(merchant: Merchant, client: Client) -> Client:
    client.force_login(make_member(merchant, Role.VIEWER))
    return client


@pytest.fixture
def shop(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri Shopify")


def url(name: str, shop: Connection, **query: object) -> str:
    return reverse(f"orders:{name}", args=[shop.public_id], query=query or None)


def test_without_a_store_the_page_says_how_to_begin(page: Client):
    assert "No store connected" in said(page, LIST)


def test_with_nothing_to_link_the_page_says_so(page: Client, shop: Connection):
    assert "Every SKU is linked" in said(page, LIST)
    assert "Nothing is put aside" in said(page, LIST + "?tab=skipped")


def test_a_sku_stands_with_what_it_blocks_and_what_could_stand_for_it(page: Client, shop: Connection):
    make_blocked(shop, "STOOL-1")
    make_blocked(shop, "STOOL-1", currency="USD")
    variant = make_variant(shop, "stool 1", title="Oak stool of the store")

    text = said(page, LIST)

    for words in ("STOOL-1", "Stool of oak", "$15.00", "and US$15.00", "Oak stool of the store", "No product found"):
        assert words in text
    assert f'<option value="{variant.pk}" selected>' in text


def test_several_products_that_fit_are_not_chosen_beforehand(page: Client, shop: Connection):
    make_blocked(shop, "STOOL-1")
    for title in ("Oak", "Elm"):
        make_variant(shop, "stool1", title=title)

    text = said(page, LIST)

    assert "Choose one of 2" in text
    assert " selected>" not in text


def test_the_sidebar_counts_what_is_asked(page: Client, shop: Connection):
    make_blocked(shop, "A")
    make_blocked(shop, "B")
    make_blocked(make_connection(), "FOREIGN")
    UnlinkedSku.objects.filter(sku="B").update(skipped_at="2026-11-23T12:00Z", skipped_by="ana")

    assert '<span class="count">1</span>' in said(page, "/orders/").replace(
        '<span class="count">2</span>', ""
    )  # the other count: orders that need confirmation


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(page: Client, shop: Connection):
    make_blocked(shop, "A")
    one = queries(page, LIST)
    for sku in ("B", "C"):
        make_blocked(shop, sku)
        make_variant(shop, sku)

    assert queries(page, LIST) == one <= 12


def test_the_page_of_a_sku_asks_the_same_number_of_questions_for_one_and_three(page: Client, shop: Connection):
    make_blocked(shop, "A")
    make_variant(shop, "a")
    one = queries(page, url("link_sku", shop, sku="A"))
    for _ in range(2):
        make_blocked(shop, "A")
        make_variant(shop, "a")

    assert queries(page, url("link_sku", shop, sku="A")) == one <= 17


@pytest.mark.parametrize("number", ["0", "x", "999", "<b>"])
def test_a_page_that_does_not_exist_opens_one_that_does(page: Client, shop: Connection, number: str):
    make_blocked(shop, "A")

    assert "A" in said(page, f"{LIST}?page={number}")


# --- one SKU -----------------------------------------------------------------------------------------


def test_a_sku_shows_what_waits_and_what_resembles_it(page: Client, shop: Connection):
    order = make_blocked(shop, "OURS")
    make_variant(shop, "X-1", title="Oak stool", barcode="94123", stock=4)
    make_variant(shop, "Y-1", title="Lamp")

    text = said(page, url("link_sku", shop, sku="OURS"))

    for words in (order.number, "Stool of oak", "Oak stool", "94123", "4 in stock"):
        assert words in text
    assert "Lamp" not in text


def test_the_catalog_is_searched_and_htmx_gets_the_products_alone(page: Client, shop: Connection):
    make_variant(shop, "Y-1", title="Lamp")

    response = page.get(url("link_sku", shop, sku="OURS", q="lamp"), headers={"HX-Request": "true"})

    assert "Lamp" in response.content.decode()
    assert "<html" not in response.content.decode()
    assert "HX-Request" in response["Vary"]


def test_a_sku_that_nobody_asked_for_has_its_page_too(page: Client, shop: Connection):
    assert "No order waits for it now" in said(page, url("link_sku", shop, sku="NEW/1 &?#"))


def test_the_order_leads_to_its_skus_page(page: Client, shop: Connection):
    order = make_blocked(shop, "OURS/1")

    assert f"{url('link_sku', shop)}?sku=OURS%2F1" in said(page, reverse("orders:detail", args=[order.public_id]))


def test_a_trial_says_what_a_link_would_do(page: Client, shop: Connection):
    make_blocked(shop, "OURS")
    variant = make_variant(shop, "STOOL")

    whole = said(page, url("link_try", shop, sku="OURS", variant=variant.pk))
    part = page.get(url("link_try", shop, sku="OURS", variant=variant.pk), headers={"HX-Request": "true"})

    assert "1 of 1 waiting order would go on." in whole
    assert "1 of 1 waiting order would go on." in part.content.decode()
    assert "<html" not in part.content.decode()
    assert not CallLog.objects.exists()


def test_a_trial_without_orders_says_so(page: Client, shop: Connection):
    variant = make_variant(shop, "STOOL")

    assert "No order waits for NEW now." in said(page, url("link_try", shop, sku="NEW", variant=variant.pk))


# --- saving ------------------------------------------------------------------------------------------


def test_a_saved_link_releases_and_is_said(page: Client, shop: Connection):
    make_blocked(shop, "OURS")
    variant = make_variant(shop, "STOOL")

    text = said(page, url("link_save", shop), {"sku": "OURS", "variant": variant.pk})

    assert "OURS is linked to Oak stool. Orders that waited for it go on." in text
    assert ClearedCondition.objects.get(key__startswith="sku:").key == f"sku:{shop.pk}:OURS"
    assert AuditEvent.objects.get().kind == "product_link.saved"
    assert not UnlinkedSku.objects.exists()


@pytest.mark.parametrize("variant", ["", "x", "0", "9" * 30, "-1", "²"])
def test_a_product_that_does_not_exist_is_not_linked(page: Client, shop: Connection, variant: str):
    assert page.post(url("link_save", shop), {"sku": "OURS", "variant": variant}).status_code == 404
    assert page.get(url("link_try", shop, sku="OURS", variant=variant)).status_code == 404


def test_another_connections_product_is_not_linked(page: Client, shop: Connection):
    foreign = make_variant(make_connection(shop.merchant), "STOOL")

    assert page.post(url("link_save", shop), {"sku": "OURS", "variant": foreign.pk}).status_code == 404
    assert not ProductLink.objects.exists()


def test_an_empty_sku_is_refused_in_words(page: Client, shop: Connection):
    variant = make_variant(shop, "STOOL")

    assert "There is no SKU to link." in said(page, url("link_save", shop), {"sku": "\x00", "variant": variant.pk})


def test_many_links_are_saved_at_once(page: Client, shop: Connection):
    other = make_connection(shop.merchant)
    posted = {"links": []}
    for connection, sku in ((shop, "A"), (shop, "B"), (other, "A")):
        make_blocked(connection, sku)
        asked = UnlinkedSku.objects.get(connection=connection, sku=sku)
        posted["links"].append(asked.pk)
        posted[f"variant-{asked.pk}"] = make_variant(connection, sku).pk

    text = said(page, reverse("orders:links_save_many"), posted)

    assert "3 SKUs linked." in text
    assert ProductLink.objects.count() == ClearedCondition.objects.filter(key__startswith="sku:").count() == 3


def test_a_choice_of_another_stores_product_or_sku_saves_nothing(page: Client, shop: Connection):
    make_blocked(shop, "A")
    make_blocked(make_connection(), "A")
    mine, foreign = UnlinkedSku.objects.order_by("pk")
    elsewhere = make_variant(make_connection(shop.merchant), "A")
    posted = {"links": [mine.pk, foreign.pk, "x", "9" * 40], f"variant-{mine.pk}": elsewhere.pk,
              f"variant-{foreign.pk}": make_variant(foreign.connection, "A").pk}  # fmt: skip

    assert "No SKU with a product was chosen." in said(page, reverse("orders:links_save_many"), posted)
    assert not ProductLink.objects.exists()


def test_skipping_and_bringing_back(page: Client, shop: Connection):
    make_blocked(shop, "OURS")
    row = UnlinkedSku.objects.get()

    skipped = said(page, reverse("orders:link_skip", args=[row.pk]), {})
    assert "OURS is put aside. Its orders go on waiting." in skipped
    assert "Every SKU is linked" in skipped
    assert "Bring back" in said(page, LIST + "?tab=skipped")

    assert "OURS is asked for again." in said(page, reverse("orders:link_bring_back", args=[row.pk]), {})
    assert UnlinkedSku.objects.asked().exists()


@pytest.mark.parametrize("name", ["link_skip", "link_bring_back"])
def test_a_sku_that_is_linked_at_that_moment_is_refused_in_words(
    page: Client, shop: Connection, monkeypatch, name: str
):
    make_blocked(shop, "OURS")
    row = UnlinkedSku.objects.get()
    found = link_views._unlinked

    def linked_after(*args):
        row = found(*args)
        links.link(connection_id=shop.pk, sku="OURS", variant_id="v", variant_title="", by="ben", at=NOON)
        return row

    monkeypatch.setattr(link_views, "_unlinked", linked_after)

    text = said(page, reverse(f"orders:{name}", args=[row.pk]), {})

    assert "OURS: This SKU was linked meanwhile, or no order asks for it any more. Nothing was changed." in text


def test_the_store_is_asked_for_what_the_copy_lacks(page: Client, shop: Connection, store: ShopOnTheWire):
    store.variants = [("STOOL", "Oak stool")]

    text = said(page, url("link_ask", shop), {"sku": "OURS", "q": "STOOL"})

    assert "Kauri Shopify has 1 product with SKU STOOL." in text
    assert 'name="variant"' in text


def test_a_store_that_does_not_answer_is_said(page: Client, shop: Connection, store: ShopOnTheWire):
    store.status = 503

    assert "Kauri Shopify could not be asked" in said(page, url("link_ask", shop), {"sku": "OURS", "q": "STOOL"})


def test_nothing_is_asked_without_a_sku(page: Client, shop: Connection, store: ShopOnTheWire):
    assert "Type the SKU as the store writes it." in said(page, url("link_ask", shop), {"sku": "OURS", "q": " \x00"})
    assert store.operations == []


# --- who may -----------------------------------------------------------------------------------------


def doors(shop: Connection) -> dict[str, str]:
    """Everything that changes something."""
    row = UnlinkedSku.objects.filter(connection=shop).first()
    return {
        "save": url("link_save", shop),
        "ask": url("link_ask", shop),
        "skip": reverse("orders:link_skip", args=[row.pk]),
        "bring back": reverse("orders:link_bring_back", args=[row.pk]),
    }


def test_a_viewer_looks_and_tries(viewer: Client, shop: Connection):
    make_blocked(shop, "OURS")
    variant = make_variant(shop, "ours")

    for path in (LIST, url("link_sku", shop, sku="OURS"), url("link_try", shop, sku="OURS", variant=variant.pk)):
        text = said(viewer, path)
        assert "OURS" in text
        for words in (">Skip<", "Save the links", ">Link<", "Look it up"):
            assert words not in text


def test_a_viewer_changes_nothing(viewer: Client, shop: Connection):
    make_blocked(shop, "OURS")
    posted = {"sku": "OURS", "variant": make_variant(shop, "STOOL").pk, "q": "STOOL"}

    for name, path in doors(shop).items():
        assert viewer.post(path, posted).status_code == 403, name
    assert viewer.post(reverse("orders:links_save_many"), posted).status_code == 403
    assert not ProductLink.objects.exists()


def test_another_merchants_skus_do_not_exist(client: Client, shop: Connection):
    make_blocked(shop, "OURS")
    posted = {"sku": "OURS", "variant": make_variant(shop, "STOOL").pk, "q": "STOOL"}
    client.force_login(make_member(make_merchant()))

    for name, path in doors(shop).items():
        assert client.post(path, posted).status_code == 404, name
    for name in ("link_sku", "link_try", "disconnect_impact"):
        assert client.get(url(name, shop, sku="OURS", variant=posted["variant"])).status_code == 404, name
    assert "OURS" not in said(client, LIST)


def test_a_stranger_signs_in_first(client: Client, shop: Connection):
    make_blocked(shop, "OURS")

    for path in (LIST, *doors(shop).values()):
        assert client.post(path)["Location"].startswith("/accounts/login/")


def test_changing_needs_post(page: Client, shop: Connection):
    make_blocked(shop, "OURS")

    for path in (*doors(shop).values(), reverse("orders:links_save_many")):
        assert page.get(path).status_code == 405


def test_hostile_text_is_inert(page: Client, shop: Connection):
    make_blocked(shop, HOSTILE, lines=[{"sku": HOSTILE, "title": HOSTILE}])
    variant = make_variant(shop, HOSTILE, title=HOSTILE, barcode=HOSTILE)

    for path in (LIST, url("link_sku", shop, sku=HOSTILE), url("link_try", shop, sku=HOSTILE, variant=variant.pk)):
        assert HOSTILE not in said(page, path)
    assert HOSTILE not in said(page, url("link_save", shop), {"sku": HOSTILE, "variant": variant.pk})


@pytest.mark.parametrize("query", ["?sku=%00", "?sku=A&q=%00"])
def test_a_nul_in_the_address_is_refused(page: Client, shop: Connection, query: str):
    assert page.get(url("link_sku", shop) + query).status_code == 400


# --- disconnecting -----------------------------------------------------------------------------------


def test_the_disconnect_page_fetches_the_impact_and_links_to_it(page: Client, shop: Connection):
    text = said(page, reverse("connectors:disconnect", args=[shop.public_id]))

    impact = url("disconnect_impact", shop)
    assert f'hx-get="{impact}" hx-trigger="load"' in text
    assert f'<a href="{impact}">See what this touches</a>' in text


def test_the_impact_is_a_page_and_a_part(page: Client, shop: Connection):
    make_order(shop.merchant, connections=[shop])

    whole = said(page, url("disconnect_impact", shop))
    part = page.get(url("disconnect_impact", shop), headers={"HX-Request": "true"}).content.decode()

    assert "Not sent yet: 1 order, $115.00" in whole
    assert "Not sent yet: 1 order, $115.00" in part
    assert ("<html" in whole, "<html" in part) == (True, False)


def test_the_impact_names_the_partnerships_that_end(page: Client, shop: Connection):
    make_partnership(make_merchant(name="Kauri & Clay"), shop)

    text = said(page, url("disconnect_impact", shop))

    assert "Partnership with Kauri &amp; Clay: working together" in text
    assert "No open order is touched." not in text


def test_the_disconnect_page_says_that_orders_stop_coming_in(page: Client, shop: Connection):
    disconnect = reverse("connectors:disconnect", args=[shop.public_id])
    before = said(page, disconnect)
    Connection.objects.update(is_channel=True)

    assert "no longer comes in" not in before
    assert "What customers order there no longer comes in." in said(page, disconnect)


def test_no_open_order_is_said_too(page: Client, shop: Connection):
    assert "No open order is touched." in said(page, url("disconnect_impact", shop))
