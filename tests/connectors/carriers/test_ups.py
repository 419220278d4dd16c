"""The UPS driver against the practice UPS, over HTTP: what is asked, refused, found again and called off."""

from __future__ import annotations  # noqa: I001

import json
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connectors.carriers import ups
from connectors.carriers.base import CarrierLogin, Confirmation, Pieces, PickupRequest, Place
from connectors.carriers.ups import UpsCarrier
from connectors.errors import (
    CredentialsError,
    FieldError,
    HostRefusedError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import Answer, HttpClient
from connectors.practice.carriers import rules
from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.carriers.models import PracticeCarrier, PracticeCarrierPickup
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)
ZONE = ZoneInfo("America/New_York")
PLACE = Place("Kauri & Clay", "Ana", "+12125550100", "1 Main Street", "Allendale", "US", "", "NJ", "07401")


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


def pickup(day: datetime | None = None, **fields: Any) -> PickupRequest:
    """Tomorrow, or the day after when that is a Sunday."""
    day = day or timezone.now().astimezone(ZONE) + timedelta(days=1)
    if day.weekday() == 6:
        day += timedelta(days=1)
    opens = day.replace(hour=10, minute=0, second=0, microsecond=0)
    given = {
        "reference": "SWP-1", "place": PLACE, "opens_at": opens, "closes_at": opens + timedelta(hours=6),
        "pieces": (Pieces("NZ", 2), Pieces("US", 3)), "weight_g": 12_340, "note": "Dock 3",
    }  # fmt: skip
    return PickupRequest(**given | fields)


def test_a_pickup_is_scheduled_as_documented(driver: UpsCarrier):
    confirmation = driver.schedule(pickup())

    row = PracticeCarrierPickup.objects.get()
    assert (confirmation.number, confirmation.cost) == (row.prn, "6.65 USD")
    assert row.reference == "SWP-1"
    assert row.body["TotalWeight"] == {"Weight": "27.2", "UnitOfMeasurement": "LBS"}
    assert row.body["PickupDateInfo"]["ReadyTime"] == "1000"
    assert [piece["Quantity"] for piece in row.body["PickupPiece"]] == ["2", "3"]


def test_what_a_pickup_costs_is_told_before(driver: UpsCarrier):
    assert driver.quote(pickup(), today=timezone.now().astimezone(ZONE).date()) == "6.65 USD"
    assert not PracticeCarrierPickup.objects.exists()


@pytest.mark.parametrize(("days", "option"), [(0, "01"), (1, "02")])
def test_a_price_is_asked_for_today_or_for_a_later_day(practice_ups: PracticeCarrier, days: int, option: str):
    """It is Monday there, and Tuesday in UTC already."""
    now = datetime(2026, 11, 2, 21, 0, tzinfo=ZONE)
    opens = (now + timedelta(days=days)).replace(hour=21, minute=30)
    asked = pickup(opens_at=opens, closes_at=opens + timedelta(hours=2))

    wish = ups.quote_body(asked, today=now.date())["PickupRateRequest"]

    assert wish["ServiceDateOption"] == option
    assert rules.check_quote(practice_ups, wish, at=now) == opens.date()
    other = {**wish, "ServiceDateOption": {"01": "02", "02": "01"}[option]}
    with pytest.raises(rules.Refused, match="does not fit the pickup date"):
        rules.check_quote(practice_ups, other, at=now)


def test_one_whose_answer_was_lost_is_found_by_our_reference(driver: UpsCarrier, practice_ups: PracticeCarrier):
    PracticeCarrier.objects.update(loses_next_answer=True)
    asked = pickup(timezone.now().astimezone(ZONE)) if timezone.now().astimezone(ZONE).hour < 9 else pickup()

    with pytest.raises(OutcomeUnknownError):
        driver.schedule(asked)

    row = PracticeCarrierPickup.objects.get()
    PracticeCarrierPickup.objects.update(service_date=timezone.now().date())  # within what UPS lists
    found = driver.find(asked)
    assert found is not None
    assert found.number == row.prn
    assert driver.find(replace(asked, reference="SWP-2")) is None


def test_the_same_place_and_day_has_one_pickup(driver: UpsCarrier):
    first, again = driver.schedule(pickup()), driver.schedule(pickup(reference="SWP-2"))

    assert first.number == again.number


def test_calling_off_twice_is_harmless(driver: UpsCarrier):
    number = driver.schedule(pickup()).number

    driver.cancel(pickup(), number)
    driver.cancel(pickup(), number)

    assert PracticeCarrierPickup.objects.get().cancelled_at is not None


def test_check_is_content_with_a_good_account_only(driver: UpsCarrier, practice_ups: PracticeCarrier):
    driver.check()

    driver.login = replace(driver.login, account_number="ZZZZZZ")
    with pytest.raises(RejectedError, match="Invalid shipper account number"):
        driver.check()


def test_a_wrong_secret_is_for_the_merchant_to_mend(driver: UpsCarrier):
    driver.login = replace(driver.login, credentials={"client_id": "x", "client_secret": "y"})

    with pytest.raises(CredentialsError, match="client ID and secret"):
        driver.check()


def test_a_token_that_ran_out_is_refused(driver: UpsCarrier):
    driver.check()
    PracticeCarrier.objects.update(token_expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(CredentialsError, match="250002"):
        driver.check()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"place": replace(PLACE, phone="")}, "phone number"),
        ({"place": replace(PLACE, city="")}, "PickupAddress.City"),
        ({"pieces": (Pieces("US", 1000),)}, "999 parcels"),
        ({"weight_g": 99_000_000}, "too heavy"),
    ],
)
def test_what_ups_does_not_take_is_said(driver: UpsCarrier, fields: dict[str, Any], said: str):
    with pytest.raises(RejectedError, match=said):
        driver.schedule(pickup(**fields))
    assert not PracticeCarrierPickup.objects.exists()


def test_windows_that_ups_does_not_drive_in_are_refused(driver: UpsCarrier):
    good = pickup()
    now = timezone.now().astimezone(ZONE)
    sunday = good.opens_at + timedelta(days=(6 - good.opens_at.weekday()) % 7)
    yesterday = now - timedelta(days=1)
    cases = [
        replace(good, closes_at=good.opens_at + timedelta(minutes=30)),
        replace(good, opens_at=sunday, closes_at=sunday + timedelta(hours=4)),
        replace(good, opens_at=yesterday, closes_at=yesterday + timedelta(hours=1)),
        replace(good, opens_at=now + timedelta(days=20), closes_at=now + timedelta(days=20, hours=3)),
    ]

    for case in cases:
        with pytest.raises(RejectedError):
            driver.schedule(case)
    assert not PracticeCarrierPickup.objects.exists()


def test_long_names_are_cut_to_what_ups_takes(driver: UpsCarrier):
    driver.schedule(pickup(place=replace(PLACE, company="K" * 60, contact="A" * 60), note="n" * 200))

    address = PracticeCarrierPickup.objects.get().body["PickupAddress"]
    assert (len(address["CompanyName"]), len(address["ContactName"])) == (27, 22)


def test_kilograms_where_people_weigh_in_them(driver: UpsCarrier):
    body = driver.body_of(pickup(place=replace(PLACE, country_code="NZ")))

    assert body["PickupCreationRequest"]["TotalWeight"] == {"Weight": "12.3", "UnitOfMeasurement": "KGS"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"base_url": "https://ups.example"}, "base_url"),
        ({"account_number": "12345"}, "account_number"),
        ({"client_secret": " "}, "client_secret"),
    ],
)
def test_a_login_that_cannot_be_right_is_refused_at_its_field(fields: dict[str, str], field: str):
    typed = {"base_url": "", "account_number": "a1b2c3", "client_id": "i", "client_secret": "s"}

    assert ups.read_login(typed)[:2] == (ups.PRODUCTION, "A1B2C3")
    with pytest.raises(FieldError) as refusal:
        ups.read_login(typed | fields)
    assert refusal.value.field == field


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


def pending(*rows: dict[str, str], alone: bool = False) -> dict[str, Any]:
    return {"PickupPendingStatusResponse": {"PendingStatus": rows[0] if alone else list(rows)}}


def test_a_pickup_that_was_called_off_there_is_not_found():
    gone = {"PRN": "1", "ReferenceNumber": "SWP-1", "PickupStatusMessage": "007"}
    stands = gone | {"PRN": "2", "PickupStatusMessage": "012"}

    assert answering(pending(gone)).find(pickup()) is None
    assert answering(pending(gone, stands)).find(pickup()) == Confirmation("2")


def test_one_pending_pickup_may_come_without_its_list():
    row = {"PRN": "2", "ReferenceNumber": "SWP-1", "PickupStatusMessage": "002"}

    assert answering(pending(row, alone=True)).find(pickup()) == Confirmation("2")


class Filtered(Canned):
    """A firewall that turns every change away, or its answer."""

    def request(self, method: str, *of: Any, **rest: Any) -> Answer:
        if method == "DELETE":
            raise HostRefusedError("The host refused it.")
        return super().request(method, *of, **rest)


@pytest.mark.parametrize(("status", "stands"), [("007", False), ("012", True)])
def test_calling_off_that_was_turned_away_is_looked_for(status: str, stands: bool):
    driver = answering({})
    driver.http = Filtered(pending({"PRN": "2", "ReferenceNumber": "SWP-1", "PickupStatusMessage": status}))

    with pytest.raises(HostRefusedError) if stands else nullcontext():
        driver.cancel(pickup(), "2")


@pytest.mark.parametrize("body", [[], {}, {"PickupCreationResponse": {"Response": {}}}])
def test_an_answer_without_a_number_may_have_been_carried_out(body: Any):
    with pytest.raises(OutcomeUnknownError):
        answering(body).schedule(pickup())


def test_a_list_that_is_none_is_asked_for_again():
    with pytest.raises(RetryableError) as error:
        answering({}).find(pickup())

    assert not isinstance(error.value, OutcomeUnknownError)


@pytest.mark.parametrize("keys", [{}, {"client_id": "id"}, {"client_id": "id", "client_secret": ""}])
def test_an_account_without_its_keys_says_what_is_missing_and_asks_nobody(keys):
    login = CarrierLogin(base_url=ups.TESTING, email="", account_number="A1B2C3", credentials=keys, country_code="US")
    with closing(HttpClient()) as http, pytest.raises(CredentialsError, match="missing"):
        UpsCarrier(login, http, lambda letter: None).check()
