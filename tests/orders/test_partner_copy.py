"""What a seller keeps of its partner's catalog: shared products alone, without stock and price, whoever asks the store."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, Role
from accounts.services import api_keys
from connectors.base import RemoteVariant
from connectors.models import CatalogVariant, Connection, Partnership, ProductLink
from connectors.services import catalog, finding, links, partner_products
from connectors.services.clients import connector_for
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.orders.services.partnered import make_partnership

pytestmark = pytest.mark.django_db
GID = "gid://shopify/ProductVariant/1"


@pytest.fixture
def partnership(merchant: Merchant, store: ShopOnTheWire) -> Partnership:
    """Shares one product, which the partner has named anew since."""
    row = make_partnership(merchant, make_connection(make_merchant(name="Atua")), shared=())
    partner_products.share(partnership_id=row.pk, variants=[RemoteVariant(GID, "BOWL-OLD", "Bowl")], by="mia", at=NOON)
    store.variants = [("BOWL", "Bowl of clay"), ("LAMP", "Not shared")]
    return row


@pytest.fixture
def standin(partnership: Partnership) -> Connection:
    assert partnership.connection is not None
    return partnership.connection


def kept(standin: Connection) -> list[tuple[object, ...]]:
    rows = CatalogVariant.objects.filter(connection=standin)
    return list(rows.values_list("variant_id", "sku", "title", "stock", "price"))


SEEN = [(GID, "BOWL", "Bowl of clay", None, None)]


def test_asking_the_store_for_a_sku(owner, client: Client, standin: Connection):
    client.force_login(owner)

    page = client.post(
        reverse("orders:link_ask", args=[standin.public_id]), {"sku": "OURS", "q": "BOWL"}, follow=True
    ).content.decode()

    assert "1 product with SKU BOWL" in page
    assert "Bowl of clay" in page
    assert "in stock" not in page
    assert "not counted" not in page
    assert kept(standin) == SEEN


def test_linking_one_by_its_sku(owner, client: Client, standin: Connection):
    client.force_login(owner)

    client.post(reverse("connectors:link_save", args=[standin.public_id]), {"sku": "OURS", "store_sku": "BOWL"})

    assert ProductLink.objects.get(connection=standin, sku="OURS").variant_id == GID
    assert kept(standin) == SEEN


@pytest.mark.parametrize("row", ["OURS,BOWL,\n", f"OURS,,{GID}\n"])
def test_a_file_of_links(owner, client: Client, standin: Connection, row: str):
    client.force_login(owner)
    file = SimpleUploadedFile("links.csv", f"marketplace_sku,store_sku,variant_id\n{row}NONE,LAMP,\n".encode())

    page = client.post(reverse("connectors:link_import", args=[standin.public_id]), {"file": file}, follow=True)

    assert "no product with SKU LAMP" in page.content.decode()
    assert [row[0] for row in kept(standin)] == [GID]
    assert [row[3:] for row in kept(standin)] == [(None, None)]


def test_the_api(merchant: Merchant, client: Client, standin: Connection):
    _, key = api_keys.issue(
        merchant=merchant, name="tests", can_write=True, expires_at=None, by="tests", at=timezone.now()
    )
    rows = [{"marketplace_sku": "OURS", "store_sku": "BOWL"}]

    answer = client.post(
        "/api/v1/product-links/import/",
        {"connection": standin.public_id, "rows": rows},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert (answer.status_code, answer.json()["saved"]) == (200, 1)
    assert kept(standin) == SEEN


def test_several_products_of_one_sku_are_kept_without_stock(standin: Connection, store: ShopOnTheWire):
    twin = "gid://shopify/ProductVariant/2"
    partnership = Partnership.objects.get(connection=standin)
    partner_products.share(
        partnership_id=partnership.pk, variants=[RemoteVariant(twin, "BOWL-2", "Bowl")], by="mia", at=NOON
    )
    store.variants = [("BOWL", "Bowl of clay"), ("BOWL", "Bowl of glass")]

    found = links.look_up(standin, connector_for(standin), ["BOWL"], at=NOON)

    assert [blocker.code for blocker in found.blockers] == ["duplicate_sku"]
    assert [row[1:] for row in sorted(kept(standin))] == [
        ("BOWL", "Bowl of clay", None, None),
        ("BOWL", "Bowl of glass", None, None),
    ]


def test_what_was_taken_back_while_the_store_answered_stays_away(partnership, standin, monkeypatch):
    remember = catalog.remember

    def taken_back_before(*args, **kwargs):
        partner_products.unshare(partnership_id=partnership.pk, variant_id=GID, by="mia", at=NOON)
        remember(*args, **kwargs)

    monkeypatch.setattr(catalog, "remember", taken_back_before)

    finding.ask_by_sku(standin, "BOWL", at=NOON)

    assert kept(standin) == []


def test_figures_kept_by_an_earlier_version_are_not_shown(owner, client: Client, standin: Connection):
    CatalogVariant.objects.filter(connection=standin).update(stock=9041, price="77.31")
    client.force_login(owner)

    page = client.get(reverse("orders:link_sku", args=[standin.public_id]), {"sku": "BOWL-OLD"}).content.decode()

    assert GID in page or "Bowl" in page
    assert not re.search(r"\b9041\b", page)  # an id in an address may hold the digits
    assert "in stock" not in page
    assert "77.31" not in page


def test_a_viewer_may_not_ask(merchant: Merchant, client: Client, standin: Connection, store: ShopOnTheWire):
    client.force_login(make_member(merchant, Role.VIEWER))

    answer = client.post(reverse("orders:link_ask", args=[standin.public_id]), {"sku": "OURS", "q": "BOWL"})

    assert (answer.status_code, store.operations) == (403, [])
