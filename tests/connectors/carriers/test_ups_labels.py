"""UPS labels against the practice UPS, over HTTP: rated, bought, found again after a lost answer, voided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from connectors.carriers.base import CarrierLogin, Place
from connectors.carriers.by_mail import MailCarrier
from connectors.carriers.labels import Box, LabelRequest, Recipient
from connectors.carriers.ups import UpsCarrier
from connectors.errors import (
    CredentialsError,
    NotOfferedError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import Answer, HttpClient
from connectors.money import Money
from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.carriers.models import Fault, PracticeCarrier, PracticeLabel
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)
FROM = Place("Kauri & Clay", "Ana", "+12125550100", "1 Main Street", "Allendale", "US", "", "NJ", "07401")
HOME = Recipient("Harriet Ngata", "", "+12125550111", "12 Elm Street", "Apt 4", "Atlanta", "GA", "30301", "US")
TOKYO = replace(HOME, phone="+81312345678", city="Tokyo", province_code="", postcode="100-0001", country_code="JP")
TORONTO = replace(HOME, city="Toronto", province_code="ON", postcode="M5V 2T6", country_code="CA")
USD_40 = Money(Decimal("39.50"), "USD")


@pytest.fixture
def practice_ups() -> PracticeCarrier:
    return open_carrier(slug="ups", name="Practice UPS", country_code="US", time_zone="America/New_York")


@pytest.fixture
def driver(live_server: Any, practice_ups: PracticeCarrier) -> Iterator[UpsCarrier]:
    login = CarrierLogin(
        base_url=f"{live_server.url}/practice/carriers/ups",
        email="",
        account_number=practice_ups.account_number,
        credentials={"client_id": practice_ups.client_id, "client_secret": practice_ups.client_secret},
        country_code="US",
    )
    with closing(HttpClient(allow_loopback=True, deadline_s=30)) as http:
        yield UpsCarrier(login, http, lambda letter: None)
    let_go()


def wish(recipient: Recipient = HOME, **fields: Any) -> LabelRequest:
    given = {
        "reference": "SWL-1", "sender": FROM, "recipient": recipient, "boxes": (Box(2400, (400, 300, 205)),),
        "contents": "3 oak stools", "value": USD_40,
    }  # fmt: skip
    return LabelRequest(**given | fields)


# --- rates ---


def test_rates_are_the_negotiated_ones_the_cheapest_first(driver: UpsCarrier):
    rates = driver.rates(wish())

    assert [(rate.service, str(rate.amount), rate.days) for rate in rates] == [
        ("03", "10.13 USD", None), ("12", "15.81 USD", 3), ("02", "22.80 USD", 2), ("01", "42.44 USD", 1)
    ]  # fmt: skip
    assert rates[0].name == "UPS Ground"
    assert not PracticeLabel.objects.exists()


def test_other_services_go_abroad(driver: UpsCarrier):
    assert [rate.service for rate in driver.rates(wish(TOKYO))] == ["08", "65", "07"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"recipient": replace(HOME, city="")}, "city of the shipping address is missing"),
        ({"recipient": replace(HOME, postcode="99999")}, "postal code 99999 is invalid for GA"),
        ({"recipient": replace(HOME, address1="x" * 36, address2="y" * 71)}, "longer than UPS' 3 lines"),
        ({"recipient": replace(TOKYO, phone="")}, "customer's phone number"),
        ({"boxes": (Box(0),)}, "each needs its weight"),
        ({"boxes": (Box(70_001),)}, "up to 70 kg"),
        ({"boxes": ()}, "1 to 20 parcels"),
    ],
)
def test_what_ups_would_not_carry_is_said_before_money_is_spent(driver: UpsCarrier, fields: dict[str, Any], said: str):
    for ask in (driver.rates, driver.buy_label):
        with pytest.raises(RejectedError, match=said):
            ask(wish(**{"service": "03", **fields}))
    assert not PracticeLabel.objects.exists()


# --- buying ---


def test_a_label_is_bought_with_its_number_its_picture_and_what_it_cost(driver: UpsCarrier):
    label = driver.buy_label(wish(service="03"))

    row = PracticeLabel.objects.get()
    [box] = label.boxes
    assert (label.number, str(label.cost), box.number) == (row.number, "10.13 USD", row.number)
    assert box.image.startswith(b"GIF8")
    assert row.reference == "SWL-1"
    package = row.body["Shipment"]["Package"][0]
    assert package["PackageWeight"] == {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": "5.3"}
    assert [package["Dimensions"][side] for side in ("Length", "Width", "Height")] == ["16", "12", "9"]
    assert row.body["Shipment"]["ShipTo"]["Address"]["AddressLine"] == ["12 Elm Street", "Apt 4"]


def test_every_parcel_has_a_number_of_its_own(driver: UpsCarrier):
    label = driver.buy_label(wish(service="03", boxes=(Box(1000), Box(2000))))

    assert [box.number for box in label.boxes] == PracticeLabel.objects.get().packages
    assert label.number == label.boxes[0].number


def test_a_private_address_is_said_to_be_one_and_a_business_is_not(driver: UpsCarrier):
    driver.buy_label(wish(service="03"))
    driver.buy_label(wish(replace(HOME, company="Elm Ltd"), service="03"))

    private, business = (row.body["Shipment"]["ShipTo"] for row in PracticeLabel.objects.order_by("pk"))
    assert (private["Name"], "ResidentialAddressIndicator" in private["Address"]) == ("Harriet Ngata", True)
    assert (business["Name"], "ResidentialAddressIndicator" in business["Address"]) == ("Elm Ltd", False)


def test_phone_numbers_are_digits_and_have_no_1_in_front_in_north_america(driver: UpsCarrier):
    driver.buy_label(wish(TOKYO, service="08"))

    shipment = PracticeLabel.objects.get().body["Shipment"]
    assert shipment["Shipper"]["Phone"] == {"Number": "2125550100"}
    assert shipment["ShipTo"]["Phone"] == {"Number": "81312345678"}


def test_a_parcel_from_the_us_to_canada_says_what_it_is_worth(driver: UpsCarrier):
    driver.buy_label(wish(TORONTO, service="08"))

    shipment = PracticeLabel.objects.get().body["Shipment"]
    assert shipment["InvoiceLineTotal"] == {"CurrencyCode": "USD", "MonetaryValue": "40"}
    assert shipment["ReferenceNumber"] == [{"Value": "SWL-1"}]


def test_a_service_that_does_not_go_there_is_refused(driver: UpsCarrier):
    with pytest.raises(RejectedError, match="unavailable between"):
        driver.buy_label(wish(TOKYO, service="03"))


def test_a_dead_secret_and_a_dead_token_are_for_the_merchant_to_mend(driver: UpsCarrier):
    driver.rates(wish())
    PracticeCarrier.objects.update(token_expires_at=timezone.now())

    with pytest.raises(CredentialsError):
        driver.buy_label(wish(service="03"))
    driver.login, driver._token = replace(driver.login, credentials={"client_id": "x", "client_secret": "y"}), ""
    with pytest.raises(CredentialsError):
        driver.buy_label(wish(service="03"))


def test_a_carrier_that_asks_to_slow_down_sold_nothing(driver: UpsCarrier):
    PracticeCarrier.objects.update(next_fault=Fault.THROTTLED)

    with pytest.raises(RetryableError) as error:
        driver.buy_label(wish(service="03"))

    assert not isinstance(error.value, OutcomeUnknownError)


def test_a_carrier_that_breaks_may_have_sold_it(driver: UpsCarrier):
    PracticeCarrier.objects.update(next_fault=Fault.BROKEN)

    with pytest.raises(OutcomeUnknownError):
        driver.buy_label(wish(service="03"))


# --- finding again ---


@pytest.mark.parametrize(
    ("recipient", "boxes"), [(HOME, (Box(1000),)), (HOME, (Box(1000), Box(2000))), (TORONTO, (Box(1000), Box(2000)))]
)
def test_a_label_whose_answer_was_lost_is_found_whole(driver: UpsCarrier, recipient: Recipient, boxes: tuple[Box, ...]):
    PracticeCarrier.objects.update(loses_next_answer=True)
    asked = wish(recipient, service="03" if recipient is HOME else "08", boxes=boxes)
    with pytest.raises(OutcomeUnknownError):
        driver.buy_label(asked)

    found = driver.find_label(asked)

    row = PracticeLabel.objects.get()
    assert found is not None
    assert (found.number, [box.number for box in found.boxes], found.cost) == (row.number, row.packages, None)
    assert all(box.image.startswith(b"GIF8") for box in found.boxes)


def test_two_shipments_under_one_reference_are_for_a_person_to_see(driver: UpsCarrier):
    driver.buy_label(wish(service="03"))
    driver.buy_label(wish(service="03"))

    with pytest.raises(RejectedError, match="not this shipment as it was asked for"):
        driver.find_label(wish())


def test_what_was_never_sold_is_not_found(driver: UpsCarrier):
    with pytest.raises(RejectedError, match="No shipment found"):
        driver.find_label(wish())


def test_an_account_number_of_ten_characters_cannot_be_looked_under(driver: UpsCarrier):
    driver.login = replace(driver.login, account_number="A1B2C3D4E5")

    with pytest.raises(NotOfferedError, match="six characters"):
        driver.find_label(wish())


# --- voiding ---


def test_voiding_twice_is_harmless(driver: UpsCarrier):
    number = driver.buy_label(wish(service="03")).number

    driver.void_label(number)
    driver.void_label(number)

    assert PracticeLabel.objects.get().voided_at is not None


def test_a_label_that_is_too_old_is_not_voided(driver: UpsCarrier):
    number = driver.buy_label(wish(service="03")).number
    PracticeLabel.objects.update(created_at=timezone.now() - timedelta(days=31))

    with pytest.raises(RejectedError, match="void period"):
        driver.void_label(number)


# --- answers that the practice UPS never gives ---


class Canned:
    """Answers the token, then this body to everything."""

    def __init__(self, body: Any) -> None:
        self.bodies = [{"access_token": "t"}, body]

    def request(self, *_: Any, **rest: Any) -> Answer:
        body = self.bodies[0] if len(self.bodies) == 1 else self.bodies.pop(0)
        return Answer(200, {}, json.dumps(body).encode(), rest["changes"])


def answering(body: Any) -> UpsCarrier:
    login = CarrierLogin("https://ups.test", "", "A1B2C3", {"client_id": "i", "client_secret": "s"}, "US")
    return UpsCarrier(login, Canned(body), lambda letter: None)  # type: ignore[arg-type]


def bought(**results: Any) -> dict[str, Any]:
    package = {"TrackingNumber": "1Z1", "ShippingLabel": {"GraphicImage": "R0lGODlh"}}
    return {
        "ShipmentResponse": {
            "ShipmentResults": {"ShipmentIdentificationNumber": "1Z1", "PackageResults": [package], **results}
        }
    }


@pytest.mark.parametrize(
    "body", [[], {}, {"ShipmentResponse": {}}, bought(PackageResults=[]), bought(ShipmentIdentificationNumber="")]
)
def test_an_answer_without_numbers_may_have_been_carried_out(body: Any):
    with pytest.raises(OutcomeUnknownError):
        answering(body).buy_label(wish(service="03"))


@pytest.mark.parametrize("charge", [{}, {"MonetaryValue": "much", "CurrencyCode": "USD"}, {"MonetaryValue": "1.00"}])
def test_a_label_whose_price_cannot_be_read_is_bought_all_the_same(charge: dict[str, str]):
    label = answering(bought(ShipmentCharges={"TotalCharges": charge})).buy_label(wish(service="03"))

    assert (label.number, label.cost) == ("1Z1", None)


def test_a_picture_that_is_none_is_left_out():
    package = {"TrackingNumber": "1Z1", "ShippingLabel": {"GraphicImage": "PGh0bWw+"}}

    [box] = answering(bought(PackageResults=package)).buy_label(wish(service="03")).boxes

    assert (box.number, box.image) == ("1Z1", b"")


def test_a_void_that_was_not_done_is_refused():
    body = {"VoidShipmentResponse": {"SummaryResult": {"Status": {"Code": "0", "Description": "Picked up"}}}}

    with pytest.raises(RejectedError, match="Picked up"):
        answering(body).void_label("1Z1")


def test_a_carrier_by_mail_says_that_it_sells_no_labels():
    mail = MailCarrier(CarrierLogin("", "desk@couriers.example", "", {}, "NZ"), HttpClient(), lambda letter: None)

    assert not mail.sells_labels
    for ask in (mail.rates, mail.buy_label, mail.find_label):
        with pytest.raises(NotOfferedError, match="Carrier by e-mail does not offer this"):
            ask(wish())
