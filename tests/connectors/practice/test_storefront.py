"""What customers order in a practice store, as the real drivers read it over HTTP; and the pages on which they buy."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from connectors.base import Account, Connector, PickupPlace
from connectors.errors import NotOfferedError, NotVisibleError, RetryableError
from connectors.http import HttpClient
from connectors.practice import buying, dials, platforms, services
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine
from connectors.practice.services import PracticeError
from connectors.registry import connector_class, form_of
from connectors.registry import platforms as known_platforms
from connectors.storefront import StoreFulfillment, StoreOrder, StorePayment
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

SELLING = ("shopify", "woocommerce", "squarespace")
COLLECTING = ("shopify", "woocommerce")  # Squarespace tells nothing of a pick-up
HOME = {
    "firstName": "Mere", "lastName": "Tawhiri", "address1": "5 Cuba Street", "city": "Wellington",
    "provinceCode": "WGN", "zip": "6011", "countryCode": "NZ", "phone": "+64211112222",
}  # fmt: skip


@pytest.fixture(params=SELLING)
def shop(request, live_server, settings) -> PracticeShop:
    settings.BASE_URL = live_server.url
    yield opened(request.param)
    let_go()


def opened(platform: str, **fields) -> PracticeShop:
    variants = [{"sku": "STOOL", "title": "Oak stool", "price": "50.00", "stock": 50}]
    return services.open_shop(
        slug="boutique",
        name="Boutique",
        platform=platform,
        variants=variants,
        **{"currency": "NZD", "taxes_included": True, **fields},
    )


@pytest.fixture
def driver(shop, live_server) -> Connector:
    typed = {item.name: item.value for item in platforms.of(shop).typed(shop)}
    address = f"{live_server.url}{platforms.address(shop)}"
    entry = form_of(shop.platform).read(typed, base_url=address)
    account = Account(entry.base_url, entry.credentials, shop_domain=shop.domain)
    with closing(HttpClient(allow_loopback=True)) as client:
        yield connector_class(shop.platform)(account, client)


def buy(shop: PracticeShop, *, quantity: int = 2, price: str = "50.00", **fields) -> PracticeOrder:
    line = CartLine(shop.variants.first(), "Oak stool", quantity, Decimal(price))
    cart = Cart(
        lines=(line,), shipping=Decimal(8), paid=True, email="mere@example.com", note="Ring twice", address=HOME
    )
    return buying.buy(shop_id=shop.pk, cart=replace(cart, **fields))


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def all_of(driver: Connector, *, since: datetime | None = None) -> list[StoreOrder]:
    found, cursor = [], ""
    while True:
        page = driver.store_orders(since=since or an_hour_ago(), cursor=cursor)
        found += page.orders
        cursor = page.next_cursor
        if not cursor:
            return found


def only(driver: Connector) -> StoreOrder:
    (order,) = all_of(driver)
    return order


def test_an_order_is_read_with_all_that_the_platform_tells(shop, driver):
    there = buy(shop)

    order = only(driver)

    assert (order.number, order.currency, order.total) == (there.name, "NZD", Decimal(108))
    assert (order.payment, order.fulfillment, order.cancelled) == (StorePayment.PAID, StoreFulfillment.OPEN, False)
    (line,) = order.lines
    assert (line.sku, line.title, line.quantity, line.amount - line.discount) == ("STOOL", "Oak stool", 2, Decimal(100))
    assert line.requires_shipping
    tax = Decimal("14.09") if shop.platform == "squarespace" else Decimal("14.08")  # of the whole, or part by part
    assert (order.shipping, order.tax, order.prices_include_tax) == (Decimal(8), tax, True)
    to = order.shipping_address
    assert (to.first_name, to.address1, to.city, to.province_code, to.postcode, to.country_code, to.phone) == (
        "Mere", "5 Cuba Street", "Wellington", "WGN", "6011", "NZ", "+64211112222",
    )  # fmt: skip
    assert (order.customer_name, order.customer_email) == ("Mere Tawhiri", "mere@example.com")
    assert order.note == ("" if shop.platform == "squarespace" else "Ring twice")
    assert not order.made_by_app


@pytest.mark.parametrize("shop", COLLECTING, indirect=True)
def test_what_the_customer_picks_up_is_read_with_its_place_and_goes_to_no_address(shop, driver):
    buy(shop, pickup=True, shipping=Decimal(0))

    order = only(driver)

    place = {"shopify": "Warehouse", "woocommerce": "Local pickup"}[shop.platform]
    assert (order.pickup, order.shipping_address) == (PickupPlace(place, ""), None)
    assert (order.customer_name, order.total) == ("Mere Tawhiri", Decimal(100))


def test_the_checkouts_that_offer_to_collect_are_these():
    assert tuple(name for name in SELLING if platforms.of(PracticeShop(platform=name)).collects) == COLLECTING


def test_what_is_sent_is_no_pickup(shop, driver):
    buy(shop)

    assert only(driver).pickup is None


def test_taxes_are_told_per_line_where_the_platform_does(shop, driver):
    buy(shop)

    order = only(driver)

    taxes = [tax for part in order.lines for tax in part.taxes] + list(order.shipping_taxes)
    if shop.platform == "squarespace":
        assert taxes == []
    else:
        assert [(tax.title, tax.rate) for tax in taxes] == [("GST", Decimal("0.15"))] * 2
        assert sum(tax.amount for tax in taxes) == order.tax


def test_tax_on_top_is_on_top(live_server, shop, driver):
    PracticeShop.objects.update(taxes_included=False)
    buy(PracticeShop.objects.get())

    order = only(driver)

    assert (order.prices_include_tax, order.total) == (False, Decimal("124.20"))
    parts = sum(line.amount - line.discount for line in order.lines) + order.shipping - order.discount
    assert parts + order.tax == order.total


def test_one_order_is_read_as_it_is_listed(shop, driver):
    buy(shop)
    listed = only(driver)

    assert driver.store_order(listed.remote_id) == listed


def test_an_order_that_is_gone_is_none(shop, driver):
    there = buy(shop)
    remote_id = only(driver).remote_id
    services.delete_order(order_id=there.pk)

    if shop.platform == "shopify":  # it may only be too old to be shown
        with pytest.raises(NotVisibleError):
            driver.store_order(remote_id)
        shop.scopes = [*shop.scopes, "read_all_orders"]
        shop.save()
    assert driver.store_order(remote_id) is None


def test_what_is_not_paid_is_unpaid_until_it_is(shop, driver):
    there = buy(shop, paid=False)
    assert only(driver).payment == StorePayment.UNPAID

    services.mark_as_paid(order_id=there.pk)

    assert only(driver).payment == StorePayment.PAID


def test_without_an_address_there_is_none(shop, driver):
    buy(shop, address=None)

    order = only(driver)

    assert (order.shipping_address, order.billing_address) == (None, None)


def test_a_product_of_no_catalog_has_no_sku(shop, driver):
    buy(shop, lines=(CartLine(None, "Made to measure", 1, Decimal("40.00")),))

    (line,) = only(driver).lines

    assert (line.sku, line.title, line.amount) == ("", "Made to measure", Decimal(40))


def test_cancelled_and_fulfilled_are_told(shop, driver):
    first, second = buy(shop), buy(shop)
    services.cancel_order(order_id=first.pk)
    services.fulfill(order_id=second.pk, quantities=None, parcels=[])

    by_number = {order.number: order for order in all_of(driver)}

    assert by_number[first.name].cancelled
    assert by_number[second.name].fulfillment == StoreFulfillment.FULFILLED


def test_money_given_back_is_told(shop, driver):
    there = buy(shop)
    services.refund(order_id=there.pk, amount=Decimal(8))

    order = only(driver)

    assert (order.payment, order.refunded, order.total) == (StorePayment.PAID, Decimal(8), Decimal(108))


def test_all_of_it_given_back_ends_the_order(shop, driver):
    there = buy(shop)
    services.refund(order_id=there.pk, amount=Decimal(108))

    assert only(driver).payment == StorePayment.REFUNDED


def test_an_edited_order_is_read_as_it_is_now(shop, driver):
    there = buy(shop)
    if not platforms.of(shop).edits_orders:
        with pytest.raises(services.PracticeError):
            services.edit_quantity(line_id=there.lines.get().pk, quantity=3)
        return
    services.edit_quantity(line_id=there.lines.get().pk, quantity=3)

    order = only(driver)

    assert (order.lines[0].quantity, order.lines[0].amount, order.total) == (3, Decimal(150), Decimal(158))


def test_only_what_changed_since_is_listed(shop, driver):
    old, new = buy(shop), buy(shop)
    PracticeOrder.objects.filter(pk=old.pk).update(updated_at=an_hour_ago())

    found = all_of(driver, since=datetime.now(UTC) - timedelta(minutes=30))

    assert [order.number for order in found] == [new.name]


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("connectors.shopify.connector._STORE_PAGE", 2)
    monkeypatch.setattr("connectors.woocommerce.changes._AT_ONCE", 2)
    monkeypatch.setattr("connectors.practice.squarespace.listing.PAGE", 2)


@pytest.mark.parametrize("apart_s", [0, 5])
def test_every_order_is_on_a_page_also_when_all_changed_in_one_second(shop, driver, small_pages, apart_s):
    now = timezone.now().replace(microsecond=0)
    names = []
    for number in range(7):
        there = buy(shop)
        PracticeOrder.objects.filter(pk=there.pk).update(updated_at=now - timedelta(seconds=apart_s * number))
        names.append(there.name)

    assert {order.number for order in all_of(driver)} == set(names)


def test_an_order_that_changes_while_pages_are_read_pushes_no_other_out(shop, driver, small_pages):
    now, rows = timezone.now().replace(microsecond=0), []
    for number in range(6):
        there = buy(shop)
        PracticeOrder.objects.filter(pk=there.pk).update(updated_at=now - timedelta(minutes=30 - number))
        rows.append(there)
    page = driver.store_orders(since=an_hour_ago(), cursor="")
    first = {order.number for order in page.orders}
    moved = next(row for row in rows if row.name in first)
    PracticeOrder.objects.filter(pk=moved.pk).update(updated_at=now)

    found = set(first)
    while page.next_cursor:
        page = driver.store_orders(since=an_hour_ago(), cursor=page.next_cursor)
        found |= {order.number for order in page.orders}

    assert found == {row.name for row in rows}


def test_more_lines_than_fit_a_page_are_all_read(shop, driver):
    lines = tuple(CartLine(shop.variants.first(), "Oak stool", 1, Decimal("50.00")) for _ in range(120))
    PracticeShop.objects.filter(pk=shop.pk).update(bucket=2000)
    shop.variants.update(stock=1000)
    buy(shop, lines=lines)

    order = only(driver)

    assert (len(order.lines), len({line.remote_id for line in order.lines})) == (120, 120)


def test_an_app_that_may_not_see_customers_reads_the_rest_and_knows_what_is_hidden(shop, driver):
    there = [buy(shop) for _ in range(2)]
    shop.settings = {**shop.settings, "protected_data": False}
    shop.save()

    read = all_of(driver)

    hidden = {"shipping_address", "billing_address", "customer_email", "customer_phone"}
    assert [order.total for order in read] == [order.total for order in there]
    if shop.platform == "shopify":  # nobody else protects customers' data by approval
        assert [(order.shipping_address, order.hidden) for order in read] == [(None, hidden)] * 2
        assert driver.store_order(read[0].remote_id) == read[0]
    else:
        assert [order.hidden for order in read] == [frozenset()] * 2


def test_what_an_app_put_there_says_so(shop, driver):
    there = buy(shop)
    if shop.platform == "squarespace":
        there.details["sent"]["channel"] = "external"
    elif shop.platform == "woocommerce":
        there.details["created_via"] = "storeward"
    else:
        there.source_identifier = "SW-12"
    there.save()

    order = only(driver)

    assert order.made_by_app or order.reference == "SW-12"


def test_a_channel_is_told_of_every_order(shop, driver):
    state = driver.register_webhooks("http://127.0.0.1:1/hook/", channel=True)
    buy(shop)

    told = set(PracticeDelivery.objects.values_list("topic", flat=True))

    created = {"shopify": "orders/create", "woocommerce": "order.created"}
    if shop.platform == "squarespace":
        assert (state.topics, told) == ((), set())  # with an API key it is polled
    else:
        assert created[shop.platform] in told
        assert not state.missing


def test_another_store_is_told_of_none_of_its_own(shop, driver):
    driver.register_webhooks("http://127.0.0.1:1/hook/")
    buy(shop)

    topics = set(PracticeDelivery.objects.values_list("topic", flat=True))

    assert topics <= {"order.updated"}  # which WooCommerce sends for every change


@pytest.mark.parametrize("platform", [known.key for known in known_platforms() if known.key not in SELLING])
def test_a_platform_without_customers_refuses(platform):
    cls = connector_class(platform)
    driver = cls.__new__(cls)

    assert not cls.capabilities.channel
    with pytest.raises(NotOfferedError):
        Connector.store_orders(driver, since=an_hour_ago(), cursor="")
    with pytest.raises(NotOfferedError):
        Connector.store_order(driver, "1")


def test_a_store_that_does_not_answer_is_said_to_be_so(shop, driver):
    dials.turn(shop.pk, "down", left=1)

    with pytest.raises(RetryableError):
        driver.store_orders(since=an_hour_ago(), cursor="")


# --- the pages -------------------------------------------------------------------------------------


def form(**fields) -> dict[str, str]:
    given = {
        "product": str(PracticeShop.objects.get().variants.first().pk),
        "quantity": "2",
        "paid": "on",
        "ships": "on",
    }
    return {key: value for key, value in {**given, **HOME, **fields}.items() if value}


def test_a_customer_buys_on_the_page(shop):
    response = Client().post("/practice/stores/boutique/buy/", form())

    there = PracticeOrder.objects.get()
    assert response.url == f"/practice/stores/boutique/orders/{there.pk}/"
    assert (there.total, there.received) == (Decimal(108), Decimal(108))


def test_the_page_begins_with_a_product_that_the_store_sells(shop):
    product = PracticeShop.objects.get().variants.order_by("sku", "pk").first()

    text = Client().get("/practice/stores/boutique/buy/").content.decode()

    assert f'<option value="{product.pk}" selected>' in text


def test_a_customer_picks_it_up_where_the_store_offers_that(shop, driver):
    Client().post("/practice/stores/boutique/buy/", form(collects="on"))

    offered = platforms.of(shop).collects
    assert (only(driver).pickup is not None, only(driver).total) == (offered, Decimal(100 if offered else 108))


@pytest.mark.parametrize(("fields", "received"), [({"paid": ""}, 0), ({"ships": ""}, 108), ({"product": ""}, 88)])
def test_unpaid_without_an_address_and_something_of_no_catalog(shop, fields, received):
    Client().post("/practice/stores/boutique/buy/", form(**fields))

    there = PracticeOrder.objects.get()
    assert there.received == received
    assert bool(there.details.get("shippingAddress")) == ("ships" not in fields)


def test_what_was_typed_wrong_is_said_and_kept(shop):
    response = Client().post("/practice/stores/boutique/buy/", form(countryCode="New Zealand"))

    assert response.status_code == 422
    assert "Two capital letters" in response.content.decode()
    assert 'value="New Zealand"' in response.content.decode()


def test_the_staff_takes_the_money_and_changes_the_address(shop):
    there = buy(shop, paid=False)
    page = f"/practice/stores/boutique/orders/{there.pk}"
    assert "Mark as paid" in Client().get(f"{page}/").content.decode()

    Client().post(f"{page}/paid/")
    Client().post(f"{page}/address/", {**HOME, "city": "Napier"})

    there.refresh_from_db()
    assert (there.received, there.details["shippingAddress"]["city"]) == (Decimal(108), "Napier")
    assert "Mark as paid" not in Client().get(f"{page}/").content.decode()


def test_nobody_buys_at_a_supplier(db):
    services.open_shop(
        slug="sands", name="S", platform="ssactivewear", currency="USD", taxes_included=False, variants=[]
    )

    assert Client().get("/practice/stores/sands/buy/").status_code == 404
    with pytest.raises(PracticeError, match="do not buy here"):
        buying.buy(shop_id=PracticeShop.objects.get().pk, cart=Cart((), Decimal(0), paid=True))
