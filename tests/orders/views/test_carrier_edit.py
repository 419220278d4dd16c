"""A carrier's account that stands is changed: on its page and over the API, after the carrier was asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Merchant, Role, User
from connectors.models import CarrierAccount
from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.carriers.models import PracticeCarrier
from connectors.services import carriers
from orders.models import CarrierPickup
from tests.factories import NOON, make_member, make_merchant
from tests.orders.api.client import make_api
from tests.orders.services.collected import make_account, make_pickup
from tests.orders.services.labelled import make_seller
from tests.orders.views.test_refunds import text_of
from tests.server import let_go

pytestmark = pytest.mark.django_db
LIST = "/settings/carriers/"


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def account(merchant: Merchant) -> CarrierAccount:
    return make_account(merchant)


def url(account: CarrierAccount) -> str:
    return reverse("connectors:carrier_edit", args=[account.public_id])


def filled(page: Client, account: CarrierAccount, **changed: str) -> dict[str, str]:
    """What a browser sends back of the form, with some of it typed over."""
    form = page.get(url(account)).context["form"]
    return {name: form.initial.get(name, "") for name in form.fields} | changed


def audited() -> list[tuple[str, Any]]:
    rows = AuditEvent.objects.filter(kind="carrier.changed").order_by("pk")
    return [(row.by, row.data["changed"]) for row in rows]


# --- the page ---


def test_the_form_is_filled_in_and_what_is_typed_is_kept(page: Client, owner: User, account: CarrierAccount):
    form = filled(page, account, city="Tokyo", country_code="jp", time_zone="Asia/Tokyo", email="new@couriers.example")

    response = page.post(url(account), form, follow=True)

    account.refresh_from_db()
    assert "Kauri Couriers is saved." in text_of(response)
    assert "Tokyo · Asia/Tokyo" in text_of(response)
    assert (account.city, account.country_code, str(account.zone)) == ("Tokyo", "JP", "Asia/Tokyo")
    assert (account.email, account.address1) == ("new@couriers.example", "1 Karangahape Road")
    assert account.tested_at is not None
    assert audited() == [(owner.get_username(), ["email", "city", "country_code", "time_zone"])]


def test_the_list_leads_to_it(page: Client, account: CarrierAccount):
    assert url(account) in page.get(LIST).content.decode()


def test_without_a_name_it_bears_the_carriers(page: Client, account: CarrierAccount):
    page.post(url(account), filled(page, account, name=""))

    account.refresh_from_db()
    assert account.name == "Carrier by e-mail"


def test_saving_it_as_it_is_changes_nothing_and_says_nothing_in_the_trail(page: Client, account: CarrierAccount):
    page.post(url(account), filled(page, account))

    assert audited() == []


def test_what_cannot_be_is_said_at_its_field(page: Client, account: CarrierAccount):
    response = page.post(url(account), filled(page, account, country_code="XX", email="nobody"))

    account.refresh_from_db()
    assert (response.status_code, account.country_code) == (422, "NZ")
    assert set(response.context["form"].errors) == {"country_code", "email"}


def test_pickups_that_were_asked_for_keep_their_address(page: Client):
    pickup = make_pickup()
    page.force_login(make_member(pickup.account.merchant))

    page.post(url(pickup.account), filled(page, pickup.account, city="Hamilton"))

    assert CarrierAccount.objects.get().city == "Hamilton"
    assert CarrierPickup.objects.get().place["city"] == "Auckland"


def test_one_that_was_disconnected_meanwhile_stays_so(page: Client, account: CarrierAccount, monkeypatch):
    form = filled(page, account, city="Hamilton")
    monkeypatch.setattr(
        "connectors.services.carriers._check",
        lambda one: carriers.disconnect(account_id=account.pk, by="ben", at=NOON),
    )

    response = page.post(url(account), form)

    account.refresh_from_db()
    assert (response.status_code, account.city, account.state) == (422, "Auckland", "removed")
    assert "was disconnected meanwhile" in text_of(response)


def test_viewers_and_strangers_do_not_get_in(client: Client, merchant: Merchant, account: CarrierAccount):
    theirs = make_account(make_merchant(slug="other"))
    client.force_login(make_member(merchant, Role.VIEWER))
    seen = [client.get(url(account)).status_code, client.post(url(account)).status_code]
    text = client.get(LIST).content.decode()
    client.force_login(make_member(merchant, Role.MANAGER))

    assert seen == [403, 403]
    assert url(account) not in text
    assert client.get(url(account)).status_code == 200
    assert client.get(url(theirs)).status_code == 404
    assert client.post(url(theirs)).status_code == 404


# --- keys ---


@pytest.fixture
def ups(live_server: Any, settings: Any) -> PracticeCarrier:
    settings.BASE_URL = live_server.url
    yield open_carrier(slug="ups", name="Practice UPS", country_code="NZ", time_zone="Pacific/Auckland")
    let_go()


def connected(merchant: Merchant, there: PracticeCarrier) -> CarrierAccount:
    keys = {"client_id": there.client_id, "client_secret": there.client_secret}
    return make_account(
        merchant, carrier="ups", name="UPS", email="", base_url=carriers.address_of(there),
        account_number=there.account_number, credentials=keys,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_keys_stay_unless_they_are_typed_and_ups_is_asked_each_time(
    page: Client, merchant: Merchant, ups: PracticeCarrier
):
    account = connected(merchant, ups)
    kept = dict(account.credentials)
    shown = page.get(url(account)).content.decode()

    page.post(url(account), filled(page, account, city="Hamilton"))
    account.refresh_from_db()
    assert (account.city, account.credentials) == ("Hamilton", kept)
    assert ups.client_id not in shown
    assert ups.client_secret not in shown

    PracticeCarrier.objects.update(client_id="new-id", client_secret="new-secret")
    refused = page.post(url(account), filled(page, account, city="Taupo"))
    wrong = page.post(url(account), filled(page, account, client_id="new-id", client_secret="hush-hush"))
    account.refresh_from_db()
    assert [answer.status_code for answer in (refused, wrong)] == [422, 422]
    assert "does not accept the client ID and secret" in text_of(wrong)
    assert "hush-hush" not in text_of(wrong)
    assert (account.city, account.credentials) == ("Hamilton", kept)

    page.post(url(account), filled(page, account, client_id="new-id", client_secret="new-secret"))
    account.refresh_from_db()
    assert account.credentials == {"client_id": "new-id", "client_secret": "new-secret"}
    assert [changed for _, changed in audited()] == [["city"], ["keys"]]
    assert "new-secret" not in str(list(AuditEvent.objects.values_list("data", flat=True)))


@pytest.mark.parametrize(("typed", "lacks"), [("client_id", "client_secret"), ("client_secret", "client_id")])
def test_one_key_without_the_other_is_refused(page: Client, merchant: Merchant, typed: str, lacks: str):
    account = make_seller(merchant)

    response = page.post(url(account), filled(page, account, **{typed: "new"}))

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [lacks]


def test_the_account_itself_cannot_be_changed(page: Client, merchant: Merchant):
    account = make_seller(merchant)

    assert "account_number" not in page.get(url(account)).context["form"].fields
    assert "A1B2C3" in text_of(page.get(url(account)))


# --- over the API ---


@pytest.fixture
def api():
    return make_api()


def send(api: Any, method: str, account: CarrierAccount, body: Any = None):
    return api.send(method, f"carriers/{account.public_id}/", body, key=api.merchant_key)


def test_only_what_is_given_changes(api: Any):
    account = make_account(api.merchant, address2="Level 2", time_zone="Asia/Tokyo")

    response = send(api, "PATCH", account, {"city": "Hamilton", "address2": "", "time_zone": ""})

    told = response.json()
    assert response.status_code == 200
    assert (told["city"], told["address2"], told["time_zone"], told["name"]) == ("Hamilton", "", "", "Kauri Couriers")
    assert send(api, "GET", account).json() == told
    assert [changed for _, changed in audited()] == [["address2", "city", "time_zone"]]
    assert audited()[0][0].startswith("API key")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"country_code": "XX"}, "country_code"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"city": ""}, "city"),
        ({"email": "nobody"}, "email"),
        ({"account_number": "Z9Y8X7"}, "account_number"),
        ({"client_id": "i", "client_secret": "s"}, "client_id"),
        ({"carrier": "ups"}, "carrier"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(api: Any, body: dict[str, Any], field: str):
    account = make_account(api.merchant)

    response = send(api, "PATCH", account, body)

    assert response.status_code == 400
    assert field in {problem["field"] for problem in response.json()["errors"]}
    assert audited() == []


def test_what_the_carrier_says_comes_with_its_code(api: Any):
    account = make_seller(api.merchant, credentials={"client_id": "i", "client_secret": "s"})

    response = send(api, "PATCH", account, {"city": "Hamilton"})

    assert response.status_code == 400
    assert [problem["field"] for problem in response.json()["errors"]] == ["carrier"]
    account.refresh_from_db()
    assert account.city == "Auckland"


def test_a_key_never_comes_out_and_strangers_and_lists_are_refused(api: Any):
    account = make_seller(api.merchant, credentials={"client_id": "my-id", "client_secret": "hush-hush"})
    theirs = make_account(make_merchant(slug="other"))

    text = send(api, "GET", account).content.decode()

    assert "my-id" not in text
    assert "hush-hush" not in text
    assert [send(api, method, theirs, {}).status_code for method in ("GET", "PATCH")] == [404, 404]
    assert send(api, "PATCH", account, [1]).status_code == 400
    assert api.send("PATCH", f"carriers/{account.public_id}/", {}).status_code == 403


def test_what_somebody_else_changes_meanwhile_stands(api: Any, monkeypatch):
    account = make_account(api.merchant)
    monkeypatch.setattr(
        "connectors.services.carriers._check", lambda one: CarrierAccount.objects.update(name="Renamed meanwhile")
    )

    send(api, "PATCH", account, {"city": "Hamilton"})

    account.refresh_from_db()
    assert (account.name, account.city) == ("Renamed meanwhile", "Hamilton")
