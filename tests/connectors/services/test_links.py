"""Product links: saved ones are read afresh, one exact hit becomes one, anything else is a blocker in plain words."""

from __future__ import annotations

import threading

import pytest
from django.db import connection as database
from django.db import transaction

from accounts.models import AuditEvent
from connectors import conditions
from connectors.base import Blocker, BlockerCode, RemoteVariant
from connectors.models import CatalogVariant, ClearedCondition, Connection, LinkSource, ProductLink, UnlinkedSku
from connectors.services import catalog, links
from connectors.services.links import Choice
from tests.factories import NOON, make_connection
from tests.fakes import FakeStore
from tests.locks import until_waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Connection:
    return make_connection(name="Kauri Shopify")


@pytest.fixture
def fake() -> FakeStore:
    fake = FakeStore()
    fake.stock_up("A", "B")
    return fake


def saved(shop: Connection, sku: str = "OURS", variant_id: str = "variant-A", **fields) -> ProductLink:
    return ProductLink.objects.create(
        connection=shop, sku=sku, variant_id=variant_id, **{"source": LinkSource.HAND, "checked_at": NOON, **fields}
    )


def look(shop: Connection, fake: FakeStore, *skus: str) -> links.Lookup:
    return links.look_up(shop, fake, skus, at=NOON)


def test_a_saved_link_is_read_afresh_and_not_searched_for(shop: Connection, fake: FakeStore):
    saved(shop)

    found = look(shop, fake, "OURS")

    assert {sku: variant.sku for sku, variant in found.variants.items()} == {"OURS": "A"}
    assert (found.blockers, fake.calls) == ((), ["read_variants"])


def test_a_link_whose_product_is_gone_is_a_blocker(shop: Connection, fake: FakeStore):
    saved(shop, variant_id="variant-gone")

    (blocker,) = look(shop, fake, "OURS").blockers

    assert (blocker.code, blocker.value) == (BlockerCode.SKU_GONE, "OURS")
    assert blocker.message == "The product linked to SKU OURS is no longer in Kauri Shopify. Link it to another one."


def test_blockers_of_links_stand_by_sku_whichever_was_saved_first(shop: Connection, fake: FakeStore):
    for sku in ("OURS", "ALSO"):
        saved(shop, sku, variant_id=f"variant-gone-{sku}")

    assert [blocker.value for blocker in look(shop, fake, "ALSO", "OURS").blockers] == ["ALSO", "OURS"]


def test_one_exact_hit_is_kept_as_a_link(shop: Connection, fake: FakeStore):
    found = look(shop, fake, "A")

    assert (list(found.variants), found.blockers) == (["A"], ())
    link = ProductLink.objects.get()
    assert (link.connection, link.sku, link.variant_id, link.source) == (shop, "A", "variant-A", LinkSource.SKU)


def test_no_hit_is_a_blocker_and_no_link(shop: Connection, fake: FakeStore):
    (blocker,) = look(shop, fake, "NONE").blockers

    assert (blocker.code, blocker.value) == (BlockerCode.UNMAPPED_SKU, "NONE")
    assert "has no product with SKU NONE" in blocker.message
    assert not ProductLink.objects.exists()


def test_two_hits_are_a_blocker_and_no_link(shop: Connection, fake: FakeStore, monkeypatch):
    twins = tuple(RemoteVariant(variant_id=f"v{n}", sku="A", title="Stool") for n in (1, 2))
    monkeypatch.setattr(fake, "find_variants", lambda skus: {"A": twins})

    (blocker,) = look(shop, fake, "A").blockers

    assert (blocker.code, blocker.value) == (BlockerCode.DUPLICATE_SKU, "A")
    assert "has 2 products with SKU A" in blocker.message
    assert not ProductLink.objects.exists()


def test_a_line_without_sku_is_a_blocker_and_asks_nobody(shop: Connection, fake: FakeStore):
    (blocker,) = look(shop, fake, "").blockers

    assert (blocker.code, fake.calls) == (BlockerCode.CUSTOM_LINE, [])


def test_many_skus_take_two_calls(shop: Connection, fake: FakeStore):
    saved(shop)

    found = look(shop, fake, "OURS", "A", "B", "A", "", "NONE")

    assert fake.calls == ["find_variants", "read_variants"]
    assert sorted(found.variants) == ["A", "B", "OURS"]
    assert [blocker.code for blocker in found.blockers] == [BlockerCode.UNMAPPED_SKU, BlockerCode.CUSTOM_LINE]


def test_another_connections_link_does_not_count(shop: Connection, fake: FakeStore):
    saved(make_connection(shop.merchant), sku="NONE")

    assert [blocker.code for blocker in look(shop, fake, "NONE").blockers] == [BlockerCode.UNMAPPED_SKU]


def by_hand(shop: Connection, variant_id: str = "variant-A", **fields) -> ProductLink:
    title = fields.get("variant_title", "Oak stool")
    return links.link(connection_id=shop.pk, sku="OURS", variant_id=variant_id, variant_title=title, by="ana", at=NOON)


def test_a_link_by_hand_lets_go_what_waited_for_it(shop: Connection):
    link = by_hand(shop)

    assert (link.sku, link.variant_title, link.source) == ("OURS", "Oak stool", LinkSource.HAND)
    assert ClearedCondition.objects.get(key__startswith="sku:").key == conditions.sku_linked(shop.pk, "OURS")


def test_a_link_by_hand_takes_the_place_of_what_was_there(shop: Connection):
    saved(shop, variant_id="variant-gone", source=LinkSource.SKU)

    by_hand(shop)

    assert ProductLink.objects.values_list("variant_id", "source").get() == ("variant-A", LinkSource.HAND)


def test_a_title_of_any_length_is_kept_as_far_as_there_is_room(shop: Connection):
    assert len(by_hand(shop, variant_title="x" * 1000).variant_title) == 300


def test_linking_and_unlinking_stand_in_the_audit_trail(shop: Connection):
    link = by_hand(shop)
    links.unlink(link_id=link.pk, by="ben", at=NOON)

    events = AuditEvent.objects.of(shop.merchant).order_by("pk").values_list("kind", "subject", "by", "data")
    assert list(events) == [
        ("product_link.saved", "OURS", "ana", {"variant": "variant-A"}),
        ("product_link.removed", "OURS", "ben", {}),
    ]


def test_what_was_unlinked_is_looked_for_again(shop: Connection, fake: FakeStore):
    links.unlink(link_id=saved(shop, sku="A", variant_id="variant-B").pk, by="ana", at=NOON)

    assert look(shop, fake, "A").variants["A"].variant_id == "variant-A"


# --- written differently, and barcodes ---------------------------------------------------------------


def sells(shop: Connection, fake: FakeStore, *variants: RemoteVariant) -> None:
    """The store has these, and the copy of its catalog too."""
    fake.variants.update({variant.sku: variant for variant in variants})
    catalog.remember(shop, variants, at=NOON)


@pytest.mark.parametrize(
    ("variant", "source"),
    [
        (RemoteVariant("v1", "stool oak", "Oak stool"), LinkSource.SIMILAR),
        (RemoteVariant("v1", "X-9", "Oak stool", barcode="stool-OAK"), LinkSource.BARCODE),
    ],
)
def test_the_only_product_that_fits_is_linked(shop: Connection, fake: FakeStore, variant: RemoteVariant, source: str):
    sells(shop, fake, variant)

    found = look(shop, fake, "STOOL-OAK")

    assert (found.variants["STOOL-OAK"].variant_id, found.blockers) == ("v1", ())
    assert ProductLink.objects.values_list("sku", "source").get() == ("STOOL-OAK", source)
    assert AuditEvent.objects.values_list("kind", "by", "data").get() == (
        "product_link.matched", "Storeward", {"variant": "v1", "how": source.value},
    )  # fmt: skip


def test_a_barcode_of_another_length_is_the_same_gtin(shop: Connection, fake: FakeStore):
    sells(shop, fake, RemoteVariant("v1", "X-9", "Oak stool", barcode="0012345678905"))

    assert look(shop, fake, "012345678905").variants["012345678905"].variant_id == "v1"


@pytest.mark.parametrize(
    "second", [RemoteVariant("v2", "STOOL_OAK", "Elm stool"), RemoteVariant("v2", "Y", "Elm", barcode="stool-oak")]
)
def test_two_products_that_fit_are_asked(shop: Connection, fake: FakeStore, second: RemoteVariant):
    sells(shop, fake, RemoteVariant("v1", "stool oak", "Oak stool"), second)

    (blocker,) = look(shop, fake, "STOOL-OAK").blockers

    assert (blocker.code, blocker.value) == (BlockerCode.DUPLICATE_SKU, "STOOL-OAK")
    assert not ProductLink.objects.exists()


def test_an_exact_sku_counts_more_than_one_that_is_alike(shop: Connection, fake: FakeStore):
    sells(shop, fake, RemoteVariant("v1", "STOOL-OAK", "Oak"), RemoteVariant("v2", "stool oak", "Elm"))

    assert look(shop, fake, "STOOL-OAK").variants["STOOL-OAK"].variant_id == "v1"


def test_a_product_that_stands_for_another_sku_is_asked(shop: Connection, fake: FakeStore):
    sells(shop, fake, RemoteVariant("v1", "STOOLOAK", "Oak stool"))

    found = look(shop, fake, "STOOLOAK", "STOOL-OAK")

    assert list(found.variants) == ["STOOLOAK"]
    assert [blocker.value for blocker in found.blockers] == ["STOOL-OAK"]


def test_a_copy_that_is_out_of_date_links_nothing(shop: Connection, fake: FakeStore):
    catalog.remember(shop, [RemoteVariant("variant-A", "stool oak", "Was a stool once")], at=NOON)

    assert [blocker.value for blocker in look(shop, fake, "STOOL-OAK").blockers] == ["STOOL-OAK"]
    assert not ProductLink.objects.exists()


def test_another_connections_catalog_does_not_count(shop: Connection, fake: FakeStore):
    sells(make_connection(shop.merchant), fake, RemoteVariant("v1", "stool oak", "Oak stool"))

    assert look(shop, fake, "STOOL-OAK").variants == {}


def test_products_with_one_sku_are_remembered_to_choose_from(shop: Connection, fake: FakeStore, monkeypatch):
    twins = tuple(RemoteVariant(f"v{n}", "A", "Stool") for n in (1, 2))
    monkeypatch.setattr(fake, "find_variants", lambda skus: {"A": twins})

    look(shop, fake, "A")

    assert sorted(CatalogVariant.objects.values_list("variant_id", flat=True)) == ["v1", "v2"]


# --- what is asked -----------------------------------------------------------------------------------


def asked(shop: Connection) -> list[tuple[str, str]]:
    return list(UnlinkedSku.objects.filter(connection=shop).order_by("sku").values_list("sku", "reason"))


def test_skus_that_cannot_be_sent_are_asked_once(shop: Connection, fake: FakeStore):
    saved(shop, variant_id="variant-gone")

    for _ in range(2):
        look(shop, fake, "OURS", "NONE", "A", "")

    assert asked(shop) == [("NONE", "missing"), ("OURS", "gone")]


def test_what_is_found_later_is_asked_no_more(shop: Connection, fake: FakeStore):
    look(shop, fake, "LATER")
    fake.stock_up("LATER")

    look(shop, fake, "LATER")

    assert asked(shop) == []


def test_a_link_by_hand_ends_the_asking(shop: Connection, fake: FakeStore):
    look(shop, fake, "OURS", "NONE")

    by_hand(shop)

    assert asked(shop) == [("NONE", "missing")]


def test_many_links_release_what_was_asked_and_nothing_else(shop: Connection, fake: FakeStore):
    look(shop, fake, "OURS")

    count = links.link_many(
        connection_id=shop.pk, choices=[Choice("OURS", "v1", "Oak"), Choice("B", "v2", "Elm")], by="ana", at=NOON
    )

    assert count == ProductLink.objects.count() == 2
    assert [row.key for row in ClearedCondition.objects.filter(key__startswith="sku:")] == [
        conditions.sku_linked(shop.pk, "OURS")
    ]
    assert ClearedCondition.objects.filter(key=conditions.routing_changed(shop.merchant_id)).count() == 1
    assert (asked(shop), AuditEvent.objects.get().data) == ([], {"source": "hand", "links": 2})


def test_a_check_that_runs_while_links_are_saved_does_not_wait_for_ever(shop: Connection, fake: FakeStore, monkeypatch):
    """The links are committed after the look-up read them and before it asks."""
    ask_store = fake.find_variants

    def meanwhile(skus):
        links.link_many(connection_id=shop.pk, choices=[Choice("OURS", "variant-A", "Oak")], by="ana", at=NOON)
        return ask_store(skus)

    monkeypatch.setattr(fake, "find_variants", meanwhile)
    look(shop, fake, "OURS")

    assert [row.key for row in ClearedCondition.objects.filter(key__startswith="sku:")] == [
        conditions.sku_linked(shop.pk, "OURS")
    ]
    assert asked(shop) == []


def test_a_skipped_sku_stays_skipped_when_it_is_asked_again(shop: Connection, fake: FakeStore):
    look(shop, fake, "NONE")
    links.skip(unlinked_id=UnlinkedSku.objects.get().pk, by="ana", at=NOON)

    look(shop, fake, "NONE")

    assert not UnlinkedSku.objects.asked().exists()
    assert UnlinkedSku.objects.get().skipped_by == "ana"


@pytest.mark.parametrize("service", [links.skip, links.bring_back])
def test_what_is_linked_by_now_cannot_be_put_aside_or_asked_for(shop: Connection, fake: FakeStore, service):
    links.ask(shop.pk, [Blocker(BlockerCode.UNMAPPED_SKU, "No.", "lines.sku", "OURS")], at=NOON)
    row = UnlinkedSku.objects.get()
    links.link(connection_id=shop.pk, sku="OURS", variant_id="v", variant_title="", by="ana", at=NOON)

    with pytest.raises(links.SkuRefused, match="linked meanwhile"):
        service(unlinked_id=row.pk, by="ben", at=NOON)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_who_puts_aside_what_is_being_linked_waits_and_is_refused():
    assert database.vendor == "postgresql", "run by `make test-postgres`"
    shop, outcomes = make_connection(), []
    links.ask(shop.pk, [Blocker(BlockerCode.UNMAPPED_SKU, "No.", "lines.sku", "OURS")], at=NOON)
    row = UnlinkedSku.objects.get()

    def put_aside() -> None:
        try:
            links.skip(unlinked_id=row.pk, by="ben", at=NOON)
        except links.SkuRefused:
            outcomes.append("refused")
        finally:
            database.close()

    thread = threading.Thread(target=put_aside)
    with transaction.atomic():
        links.link(connection_id=shop.pk, sku="OURS", variant_id="v", variant_title="", by="ana", at=NOON)
        thread.start()
        until_waiting(1)
    thread.join(timeout=60)

    assert outcomes == ["refused"]


def test_skipping_and_bringing_back_stand_in_the_audit_trail(shop: Connection, fake: FakeStore):
    look(shop, fake, "NONE")
    row = UnlinkedSku.objects.get()

    links.skip(unlinked_id=row.pk, by="ana", at=NOON)
    links.bring_back(unlinked_id=row.pk, by="ben", at=NOON)

    kinds = AuditEvent.objects.order_by("pk").values_list("kind", "by")
    assert list(kinds) == [("unlinked_sku.skipped", "ana"), ("unlinked_sku.brought_back", "ben")]
    assert UnlinkedSku.objects.asked().get() == row


def test_what_no_order_asked_for_in_a_long_time_is_forgotten(shop: Connection, fake: FakeStore):
    look(shop, fake, "NONE")

    links.prune(at=NOON + links.KEEP_UNLINKED, waited_for=())
    assert UnlinkedSku.objects.exists()
    links.prune(at=NOON + links.KEEP_UNLINKED * 2, waited_for=())

    assert not UnlinkedSku.objects.exists()


def test_a_removed_connections_skus_are_not_asked(shop: Connection, fake: FakeStore):
    look(shop, fake, "NONE")
    Connection.objects.update(state="removed")

    assert not UnlinkedSku.objects.of(shop.merchant).exists()
