"""The driver that stands between a merchant and its partner's store."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from connectors.base import Account, Blocker, BlockerCode, Connector, RemoteVariant
from connectors.errors import CredentialsError, HostRefusedError, NotOfferedError, RejectedError
from connectors.models import Connection, ConnectionState
from connectors.partner import PartnerConnector, partner_class
from connectors.services.clients import connector_for
from connectors.shopify.connector import ShopifyConnector
from orders.services import outbound
from tests.factories import NOON
from tests.fakes import FakeStore
from tests.orders.services.partnered import Partnered, make_partnered

pytestmark = pytest.mark.django_db
HOST = "atua-secret.myshopify.com"


@pytest.fixture
def pair() -> Partnered:
    return make_partnered()


@pytest.fixture
def driver() -> FakeStore:
    """A store in memory behind it, which sells BOWL (shared) and LAMP (not shared)."""
    driver = partner_class(FakeStore)()
    driver.account = Account(base_url=f"https://{HOST}", credentials={})
    driver.stock_up("BOWL", "LAMP")
    driver.shared = frozenset({"variant-BOWL"})
    return driver


def outgoing(pair: Partnered, *skus: str):
    order = pair.place(("BOWL", 1, "30.00"))
    built = outbound.build(pair.push_of(order))
    return replace(built, lines=tuple(replace(built.lines[0], sku=sku, variant_id=f"variant-{sku}") for sku in skus))


def test_only_shared_products_are_found(driver):
    assert driver.find_variants(["BOWL", "LAMP"]) == {"BOWL": (driver.variants["BOWL"],), "LAMP": ()}
    assert driver.read_variants(["variant-BOWL", "variant-LAMP"]) == {"variant-BOWL": driver.variants["BOWL"]}


def test_a_product_that_is_not_shared_cannot_be_ordered(driver, pair):
    with pytest.raises(RejectedError, match="does not share LAMP"):
        driver.create(outgoing(pair, "BOWL", "LAMP"))

    assert driver.orders == {}


def test_an_order_there_has_no_address_in_the_shop_s_admin(driver, pair):
    order = outgoing(pair, "BOWL")
    ref = driver.create(order)

    assert ref.url == driver.read(ref.remote_id).ref.url == ""
    assert [found.url for found in driver.find(order.reference, since=NOON)] == [""]


@pytest.mark.parametrize(
    ("ask", "given"),
    [
        ("check", {}),
        ("catalog_pages", {"cursor": ""}),
        ("locations", {}),
        ("store_orders", {"since": NOON, "cursor": ""}),
        ("store_order", {"remote_id": "1"}),
        ("register_webhooks", {"callback_url": "", "channel": True}),
    ],
)
def test_the_shop_itself_is_not_told(driver, ask, given):
    with pytest.raises(NotOfferedError, match="Only the partner"):
        getattr(driver, ask)(**given)


def test_nothing_new_is_created_once_it_has_ended(driver, pair):
    driver.ended = "Atua ended the partnership."

    with pytest.raises(RejectedError, match="Atua ended the partnership"):
        driver.create(outgoing(pair, "BOWL"))

    assert driver.orders == {}


def test_a_preview_does_not_name_the_directory_of_the_shop(pair):
    account = Account(base_url="https://shops.example/atua", credentials={"access_token": "shpat"}, currency="NZD")
    driver = partner_class(ShopifyConnector)(account, None)

    (call,) = driver.calls_for(outgoing(pair, "BOWL"))

    assert call.path.startswith("/admin/api/")
    assert "atua" not in f"{call.path} {dict(call.headers)} {call.body.decode()}"


def test_a_refusal_names_no_host(driver, monkeypatch):
    def refuse(name):
        raise CredentialsError(f"{HOST} no longer accepts the token of https://{HOST}.")

    monkeypatch.setattr(driver, "_call", refuse)

    with pytest.raises(CredentialsError) as refusal:
        driver.find_variants(["BOWL"])

    assert HOST not in str(refusal.value)
    assert str(refusal.value).startswith("The partner's store no longer accepts")


ASKING_NOBODY = frozenset({"request_for"})  # verbs without network, which the platform's driver may answer as it is


def test_every_verb_is_the_partner_s_own():
    verbs = {name for name, made in vars(Connector).items() if inspect.isfunction(made) and not name.startswith("_")}

    assert verbs - ASKING_NOBODY <= set(vars(PartnerConnector))


def rest_of(verb: str) -> list[inspect.Parameter]:
    given = inspect.signature(getattr(Connector, verb)).parameters
    return [parameter for name, parameter in given.items() if name != "self"]


@pytest.mark.parametrize(
    "verb",
    [
        "find_variants", "read_variants", "add_notes", "update", "put_back", "find", "read", "cancel", "mend", "shows_all",
        "changed_since", "fulfill", "unfulfill", "recall", "ready_for_pickup",
    ],
)  # fmt: skip
def test_no_verb_names_the_host(verb: str):
    def refuse(driver, *args, **options):
        raise HostRefusedError(f"The host refused it: {HOST} answered with status 406.")

    driver = partner_class(type("Refusing", (FakeStore,), {verb: refuse}))()
    driver.account = Account(base_url=f"https://{HOST}", credentials={})
    driver.shared = frozenset({"variant-BOWL"})
    parts = rest_of(verb)
    args = [["variant-BOWL"] for part in parts if part.kind is part.POSITIONAL_OR_KEYWORD]
    options = {part.name: NOON for part in parts if part.kind is part.KEYWORD_ONLY}

    with pytest.raises(HostRefusedError) as refusal:
        list(getattr(driver, verb)(*args, **options))

    assert str(refusal.value) == "The host refused it: The partner's store answered with status 406."


def test_how_much_the_partner_has_is_not_told(driver, pair, monkeypatch):
    few = Blocker(BlockerCode.OUT_OF_STOCK, "Bowl: 2 ordered, 1 in stock. Restock it.", "lines[0].sku", "BOWL")
    monkeypatch.setattr(FakeStore, "preflight", lambda *_: (few,))
    order = outgoing(pair, "BOWL")

    (told,) = driver.preflight(order, driver.variants)

    assert told == replace(few, message="The partner has too little stock of BOWL.")


def test_nor_when_the_store_refuses_the_order(driver, pair, monkeypatch):
    few = Blocker(BlockerCode.OUT_OF_STOCK, f"{HOST} says: 1 left", "lines[0].sku", "BOWL")
    other = Blocker(BlockerCode.EMAIL_REQUIRED, f"{HOST} says: no e-mail")

    def refuse(name):
        raise RejectedError(few.message, [few, other])

    monkeypatch.setattr(driver, "_call", refuse)

    with pytest.raises(RejectedError) as refusal:
        driver.create(outgoing(pair, "BOWL"))

    assert str(refusal.value) == "The partner has too little stock of BOWL."
    messages = [blocker.message for blocker in refusal.value.blockers]
    assert messages == [str(refusal.value), "The partner's store says: no e-mail"]


def test_it_has_the_access_and_the_platform_of_the_partner(pair):
    driver = connector_for(pair.connection)

    assert isinstance(driver, ShopifyConnector)
    assert driver.capabilities == ShopifyConnector.capabilities
    assert driver.account.base_url == f"https://{HOST}"
    assert driver.shared == {"variant-BOWL", "variant-MUG"}


def test_it_knows_when_the_partnership_has_ended(pair):
    pair.revoke()

    driver = connector_for(Connection.objects.get(pk=pair.connection.pk))

    assert driver.ended == "Atua Ceramics ended the partnership."


def test_the_destination_s_row_holds_no_secret_and_no_address(pair):
    row = pair.connection

    assert (row.credentials, row.webhook_secret, row.shop_domain, row.remote_id) == ({}, {}, "", "")
    assert row.base_url == f"partner:{pair.partnership.public_id}"
    assert row.state == ConnectionState.ACTIVE


def test_what_is_shared_tells_no_stock_and_no_price(pair):
    from connectors.services import partner_products

    lavish = RemoteVariant("variant-JUG", "JUG", "Jug", stock=7, price=9)
    partner_products.share(partnership_id=pair.partnership.pk, variants=[lavish], by="mia", at=NOON)

    row = pair.connection.catalog.get(sku="JUG")
    assert (row.stock, row.price) == (None, None)
