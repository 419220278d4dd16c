"""The driver of a supplier by e-mail, with a desk in memory: what leaves, what is refused, what comes back."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.base import Account, BlockerCode, PickupPlace, SupplierOptions
from connectors.desk import Booked, PurchaseFile
from connectors.errors import BadSignatureError, FieldError, RejectedError
from connectors.filedrop import form, mapping
from connectors.filedrop.connector import FileDropConnector
from tests.connectors.ssactivewear.orders import HOME, STORE, line, order
from tests.factories import NOON

GROUND = SupplierOptions(shipping_method="Ground")


class DeskInMemory:
    def __init__(self) -> None:
        self.mailed: list[PurchaseFile] = []
        self.book: dict[str, Booked] = {}

    def look_up(self, reference):
        return self.book.get(reference)

    def changed_since(self, since):
        return [booked for booked in self.book.values() if booked.updated_at >= since]

    def send(self, file):
        self.mailed.append(file)
        self.put(file.reference)

    def put(self, reference, *, is_sent=True):
        self.book[reference] = Booked(reference, is_sent, NOON, NOON)


@pytest.fixture
def desk() -> DeskInMemory:
    return DeskInMemory()


@pytest.fixture
def driver(desk) -> FileDropConnector:
    given = {"email": "Orders@mill.example", "currency": "USD"}
    return FileDropConnector(Account("mailto:orders@mill.example", given, currency="USD", desk=desk), http=None)


def purchase(**fields):
    return order(line(3, variant_id="TEE-3"), line(4, variant_id="TEE-4", quantity=1), supplier=GROUND, **fields)


def rows(file: PurchaseFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.body.decode(), newline="")))


def codes(driver, wanted) -> list[str]:
    return [blocker.code for blocker in driver.preflight(wanted, {})]


def test_an_order_is_a_file_with_a_row_per_product():
    file = mapping.purchase_file(purchase())

    assert (file.reference, file.name) == ("SW-1", "PO-SW-1.csv")
    assert [(row["po_number"], row["sku"], row["quantity"]) for row in rows(file)] == [
        ("SW-1", "TEE-3", "2"),
        ("SW-1", "TEE-4", "1"),
    ]
    assert (rows(file)[0]["ship_to_name"], rows(file)[0]["postcode"]) == ("Harriet Ngata", "60440")


def test_two_lines_of_one_product_are_one_row():
    file = mapping.purchase_file(order(line(3), line(3, quantity=5), supplier=GROUND))

    assert file.units == (("B00760003", 7),)


def test_neither_prices_nor_the_customer_s_mail_address_leave():
    text = mapping.purchase_file(purchase()).body.decode()

    assert "harriet@example.com" not in text
    assert "20.00" not in text


def test_goods_go_to_the_merchant_s_store_where_it_wants_that():
    chosen = replace(GROUND, store_address=STORE)

    (row,) = rows(mapping.purchase_file(order(supplier=chosen)))

    assert (row["ship_to_name"], row["address1"]) == ("Kauri Prints", "9 Customs St")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_carried_out_by_a_spreadsheet(start):
    home = replace(HOME, address1=f"{start}HYPERLINK(1)")

    (row,) = rows(mapping.purchase_file(order(supplier=GROUND, shipping_address=home)))

    assert row["address1"] == f"'{start}HYPERLINK(1)"
    assert mapping.bare(row["address1"]) == home.address1


def test_the_preview_shows_the_very_file(driver, desk):
    (call,) = driver.calls_for(purchase())
    driver.create(purchase())

    assert (call.path, call.body) == ("Orders@mill.example", desk.mailed[0].body)


def test_the_preview_says_of_each_column_where_it_is_from(driver):
    (call,) = driver.calls_for(purchase())

    assert set(call.sources) == set(mapping.HEADER)
    assert all(call.sources.values())


def test_what_nobody_could_carry_out_is_not_mailed(driver, desk):
    with pytest.raises(RejectedError, match="how it is to send"):
        driver.create(order(line(3)))

    assert desk.mailed == []


def test_a_purchase_order_is_read_back_as_it_was_written():
    file = mapping.purchase_file(order(line(3, variant_id="=A"), supplier=GROUND))

    assert mapping.read_back("SW-1", file.body) == file


@pytest.mark.parametrize("body", [b"", b"\xff", b"theirs", b"po_number,sku,quantity\r\nSW-9,A,1\r\n"])
def test_what_is_no_purchase_order_of_ours_is_not_read_as_one(body):
    assert mapping.read_back("SW-1", body) is None


def test_it_is_mailed_once_under_one_reference(driver, desk):
    first, second = driver.create(purchase()), driver.create(purchase())

    assert first == second
    assert len(desk.mailed) == 1
    assert driver.find("SW-1", since=NOON) == (first,)


def test_what_may_have_left_is_not_repeated(driver, desk):
    desk.put("SW-1", is_sent=False)

    assert driver.find("SW-1", since=NOON) == ()
    with pytest.raises(RejectedError) as caught:
        driver.create(purchase())
    assert [blocker.code for blocker in caught.value.blockers] == [BlockerCode.OUTCOME_UNKNOWN]
    assert desk.mailed == []


def test_a_good_order_has_no_blockers(driver):
    assert codes(driver, purchase()) == []


def test_every_reason_against_it_is_told(driver):
    nowhere = replace(HOME, address1="", postcode="")
    bad = replace(order(line(3, variant_id="")), shipping_address=nowhere, reference="../etc")
    bad = replace(bad, lines=(replace(bad.lines[0], sku=""),))

    assert codes(driver, bad) == [
        BlockerCode.CUSTOM_LINE,
        BlockerCode.SHIPPING_METHOD_UNMAPPED,
        BlockerCode.ADDRESS_INCOMPLETE,
        BlockerCode.ADDRESS_INCOMPLETE,
        BlockerCode.INTERNAL_ERROR,
    ]


def test_what_is_collected_needs_the_merchant_s_store(driver):
    pickup = PickupPlace("Kauri", "9 Customs St")
    chosen = replace(GROUND, store_address=STORE)

    assert codes(driver, purchase(pickup=pickup, shipping_address=None)) == [BlockerCode.PICKUP_LOCATION_UNMAPPED]
    assert codes(driver, order(supplier=chosen, pickup=pickup, shipping_address=None)) == []


def test_a_cancellation_is_for_a_person_to_write(driver):
    with pytest.raises(RejectedError, match="Write to the supplier"):
        driver.cancel("SW-1", note="")


def test_the_book_is_read_as_an_order_without_a_cost(driver, desk):
    desk.put("SW-1")

    remote = driver.read("SW-1")

    assert (remote.ref.name, remote.total, remote.currency) == ("PO SW-1", Decimal(0), "USD")
    assert driver.changed_since(NOON) == [remote]
    assert driver.read("SW-2") is None


def test_a_sku_stands_for_itself(driver):
    assert driver.find_variants(["A"])["A"] == (driver.read_variants(["A"])["A"],)


def test_webhooks_are_refused(driver):
    with pytest.raises(BadSignatureError):
        driver.parse_webhook(headers={}, body=b"", secrets=[], account=driver.account)


def test_the_form_keeps_address_and_currency(driver):
    entry = form.read({"email": " Orders@mill.example ", "currency": "usd"})

    assert (entry.base_url, entry.credentials["currency"]) == ("mailto:orders@mill.example", "USD")
    assert driver.check().remote_id == "orders@mill.example"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "mill", "currency": "USD"}, "email"),
        ({"email": "a@b.example, c@d.example", "currency": "USD"}, "email"),
        ({"email": "a@b.example\nBcc: c@d.example", "currency": "USD"}, "email"),
        ({"email": "a@b.example", "currency": "dollars"}, "currency"),
    ],
)
def test_the_form_says_what_cannot_be(given, field):
    with pytest.raises(FieldError) as caught:
        form.read(given)
    assert caught.value.field == field
