"""The pages of pickups and of Settings > Carriers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Merchant, Role, User
from connectors.carriers.ups import UpsCarrier
from connectors.models import CarrierAccount, CarrierState
from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.carriers.models import PracticeCarrier, PracticeCarrierPickup
from connectors.services import carriers
from orders.enums import PickupStatus
from orders.models import CarrierPickup, Order
from tests.factories import make_connection, make_member
from tests.orders.services.collected import FakeCarrier, drain, make_account, make_pickup
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import make_collectable
from tests.orders.views.test_refunds import text_of
from tests.server import let_go

pytestmark = pytest.mark.django_db
PLACE = {
    "company": "Kauri & Clay", "contact": "Ana", "phone": "+6491234567", "address1": "1 Karangahape Road",
    "city": "Auckland", "country_code": "nz",
}  # fmt: skip


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def order(merchant: Merchant) -> Order:
    return make_paid(merchant)


def filled(order: Order, account: CarrierAccount, **fields: str) -> dict[str, Any]:
    day = timezone.now().astimezone(order.merchant.zone).date() + timedelta(days=2)
    return {
        "orders": [order.public_id], "carrier": account.public_id, "day": day.isoformat(), "opens": "09:00",
        "closes": "12:00", "parcels-0": "2", "weight_kg-0": "3.5", "schedule": "1", **fields,
    }  # fmt: skip


def failed(order: Order) -> CarrierPickup:
    carrier, pickup = FakeCarrier(), make_pickup(order)
    carrier.next_fault = "refused"
    drain(carrier)
    return pickup


NEW = "/pickups/new/"


# --- scheduling ---


def test_the_page_of_a_pickup_gives_weights_in_the_unit_of_the_form(page: Client, order: Order):
    pickup = make_pickup(order)

    text = text_of(page.get(reverse("orders:pickup", args=[pickup.public_id])))

    assert '<th class="num">Weight, kg</th>' in text
    assert '<td class="num">2</td><td class="num">3</td>' in text


def test_a_pickup_is_scheduled_from_the_orders_page(page: Client, order: Order, merchant: Merchant):
    account = make_account(merchant)
    detail = text_of(page.get(reverse("orders:detail", args=[order.public_id])))
    form = text_of(page.get(NEW, {"order": order.public_id}))

    response = page.post(NEW, filled(order, account))

    pickup = CarrierPickup.objects.get()
    assert f"{NEW}?order={order.public_id}" in detail
    assert order.number in form
    assert response["Location"] == reverse("orders:pickup", args=[pickup.public_id])
    row = pickup.rows.get()
    assert (row.parcels, row.weight_g) == (2, 3500)
    assert f"{pickup.opens_at.astimezone(merchant.zone):%H:%M}" == "09:00"


def test_times_are_those_of_the_place_where_it_has_a_zone_of_its_own(page: Client, order: Order, merchant: Merchant):
    page.post(
        reverse("connectors:carrier_new", args=["mail"]),
        PLACE | {"email": "desk@couriers.example", "name": "Kauri Couriers", "time_zone": "Australia/Perth"},
    )
    account = CarrierAccount.objects.get()
    form = text_of(page.get(NEW, {"order": order.public_id}))

    page.post(NEW, filled(order, account))

    pickup = CarrierPickup.objects.get()
    assert "Kauri Couriers (times in Australia/Perth)" in form
    assert f"{pickup.opens_at.astimezone(ZoneInfo('Australia/Perth')):%H:%M}" == "09:00"
    assert "09:00 to 12:00 AWST" in text_of(page.get(reverse("orders:pickup", args=[pickup.public_id])))
    assert ", 09:00" in text_of(page.get(reverse("orders:pickups")))
    assert "09:00 AWST" in text_of(page.get(reverse("orders:detail", args=[order.public_id])))


def test_no_pickup_is_offered_for_what_a_store_sends(page: Client, merchant: Merchant):
    order = make_paid(merchant, connections=[make_connection(merchant, name="Kauri Shopify")])
    account = make_account(merchant)

    detail = text_of(page.get(reverse("orders:detail", args=[order.public_id])))
    refused = page.post(NEW, filled(order, account))

    assert f"{NEW}?order={order.public_id}" not in detail
    assert (refused.status_code, CarrierPickup.objects.count()) == (422, 0)
    assert f"Kauri Shopify sends order {order.number}." in text_of(refused)


def test_many_orders_are_chosen_in_the_list(page: Client, order: Order, merchant: Merchant):
    make_account(merchant)
    other = make_paid(merchant)

    text = text_of(page.post(NEW, {"orders": [order.public_id, other.public_id]}))

    assert "the parcels of 2 orders" in text
    assert 'name="weight_kg-1"' in text


def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(page: Client, order: Order, merchant: Merchant):
    response = page.post(NEW, filled(order, make_account(merchant), closes="08:00", note="Dock 3"))

    assert response.status_code == 422
    assert "The window must end after it begins." in text_of(response)
    assert 'value="Dock 3"' in text_of(response)
    assert not CarrierPickup.objects.exists()


def test_an_order_that_is_collected_is_refused_in_its_row(page: Client, merchant: Merchant):
    order = make_collectable(merchant)

    assert "The customer collects order" in text_of(page.post(NEW, filled(order, make_account(merchant))))


def test_without_a_carrier_the_page_leads_to_the_settings(page: Client, order: Order):
    assert reverse("connectors:carriers") in text_of(page.get(NEW, {"order": order.public_id}))


def test_a_carrier_by_mail_does_not_say_what_it_costs(page: Client, order: Order, merchant: Merchant):
    data = filled(order, make_account(merchant), quote="1")
    data.pop("schedule")

    assert "Kauri Couriers does not say beforehand." in text_of(page.post(NEW, data))
    assert not CarrierPickup.objects.exists()


def test_no_order_leads_back_to_the_list(page: Client):
    assert "No order was chosen." in text_of(page.post(NEW, {}, follow=True))


# --- its page ---


def test_a_pickup_shows_where_it_stands_and_is_called_off(page: Client, order: Order):
    pickup = make_pickup(order)
    url = reverse("orders:pickup", args=[pickup.public_id])
    asking = text_of(page.get(url))
    drain()
    CarrierPickup.objects.update(
        opens_at=timezone.now() + timedelta(hours=1), closes_at=timezone.now() + timedelta(hours=3)
    )

    page.post(reverse("orders:pickup_cancel", args=[pickup.public_id]))
    drain(at=timezone.now())

    assert "asking Kauri Couriers" in asking
    assert "Called off" in text_of(page.get(url))
    assert "Called off" in text_of(page.get(reverse("orders:detail", args=[order.public_id])))


def test_a_failed_one_is_asked_again_or_kept_under_its_number(page: Client, order: Order):
    pickup = failed(order)
    text = text_of(page.get(reverse("orders:pickup", args=[pickup.public_id])))
    settle = reverse("orders:pickup_settle", args=[pickup.public_id])

    empty = page.post(settle, {"number": ""}, follow=True)
    page.post(settle, {"number": "PRN9"})
    late = page.post(reverse("orders:pickup_retry", args=[pickup.public_id]), follow=True)

    pickup.refresh_from_db()
    assert "The carrier does not drive there." in text
    assert "Type the carrier" in text_of(empty)
    assert (pickup.status, pickup.confirmation) == (PickupStatus.SCHEDULED, "PRN9")
    assert "did not fail" in text_of(late)


def test_the_list_reads_as_much_for_one_pickup_as_for_three(page: Client, merchant: Merchant):
    empty = text_of(page.get(reverse("orders:pickups")))
    counts = []
    for more in (1, 2):
        for _ in range(more):
            make_pickup(make_paid(merchant))
        with CaptureQueriesContext(connection) as queries:
            page.get(reverse("orders:pickups"))
        counts.append(len(queries))

    assert "No pickups yet" in empty
    assert counts[0] == counts[1]


# --- carriers ---


def test_a_carrier_by_mail_is_connected_tested_and_disconnected(page: Client, merchant: Merchant):
    new = reverse("connectors:carrier_new", args=["mail"])
    assert "No carrier yet" in text_of(page.get(reverse("connectors:carriers")))

    page.post(new, PLACE | {"email": "desk@couriers.example", "name": "Kauri Couriers"})

    account = CarrierAccount.objects.get()
    assert (account.merchant, account.country_code, account.email) == (merchant, "NZ", "desk@couriers.example")
    tested = page.post(reverse("connectors:carrier_test", args=[account.public_id]), follow=True)
    assert "Kauri Couriers can be asked." in text_of(tested)
    page.post(reverse("connectors:carrier_disconnect", args=[account.public_id]))
    account.refresh_from_db()
    assert account.state == CarrierState.REMOVED
    kinds = list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["carrier.connected", "carrier.disconnected"]


def test_a_login_that_cannot_be_right_is_refused_at_its_field(page: Client):
    url = reverse("connectors:carrier_new", args=["ups"])
    data = PLACE | {"account_number": "12", "client_id": "i", "client_secret": "hush-hush"}

    response = page.post(url, data)

    assert response.status_code == 422
    assert "6 or 10 letters and digits" in text_of(response)
    assert "hush-hush" not in text_of(response)
    assert not CarrierAccount.objects.exists()


def test_an_unknown_carrier_does_not_exist(page: Client):
    assert page.get(reverse("connectors:carrier_new", args=["pigeon"])).status_code == 404


def test_viewers_look_and_change_nothing(client: Client, merchant: Merchant, order: Order):
    client.force_login(make_member(merchant, Role.VIEWER))
    pickup, account = make_pickup(order), make_account(merchant, name="Other")
    names = ("pickup_cancel", "pickup_retry", "pickup_settle")

    assert client.get(reverse("orders:pickup", args=[pickup.public_id])).status_code == 200
    assert client.get(reverse("connectors:carriers")).status_code == 200
    assert [client.post(reverse(f"orders:{name}", args=[pickup.public_id])).status_code for name in names] == [403] * 3
    assert client.post(NEW, filled(order, account)).status_code == 403
    assert client.get(reverse("connectors:carrier_new", args=["mail"])).status_code == 403


def test_another_merchants_pickups_and_carriers_do_not_exist(page: Client, merchant: Merchant, order: Order):
    other = make_paid()
    pickup = make_pickup(other)
    theirs = pickup.account
    names = ("pickup_cancel", "pickup_retry", "pickup_settle")

    assert page.get(reverse("orders:pickup", args=[pickup.public_id])).status_code == 404
    assert [page.post(reverse(f"orders:{name}", args=[pickup.public_id])).status_code for name in names] == [404] * 3
    for name in ("carrier_test", "carrier_disconnect"):
        assert page.post(reverse(f"connectors:{name}", args=[theirs.public_id])).status_code == 404
    make_account(merchant)
    assert "Select a valid choice" in text_of(page.post(NEW, filled(order, theirs)))
    assert page.get(NEW, {"order": other.public_id})["Location"] == reverse("orders:list")
    assert pickup.reference not in text_of(page.get(reverse("orders:pickups")))


# --- UPS, from the settings to the driver's number ---


@pytest.mark.django_db(transaction=True)
def test_ups_is_connected_asked_what_it_costs_and_comes(live_server: Any, settings: Any, page: Client, order: Order):
    settings.BASE_URL = live_server.url
    there = open_carrier(slug="ups", name="Practice UPS", country_code="NZ", time_zone="Pacific/Auckland")
    new = reverse("connectors:carrier_new", args=["ups"])
    form = page.get(new, {"practice": "ups"})
    keys = {
        "account_number": there.account_number,
        "client_id": there.client_id,
        "base_url": form.context["form"].initial["base_url"],
    }

    wrong = page.post(new, PLACE | keys | {"client_secret": "wrong"})
    page.post(new, PLACE | keys | {"client_secret": there.client_secret})
    account = CarrierAccount.objects.get()
    data = filled(order, account)
    day = timezone.now().astimezone(order.merchant.zone) + timedelta(days=1)
    data["day"] = (day + timedelta(days=1 if day.weekday() == 6 else 0)).date().isoformat()
    asked = dict(data, quote="1")
    asked.pop("schedule")
    cost = page.post(NEW, asked)
    page.post(NEW, data)
    drain(at=timezone.now())
    let_go()

    pickup, row = CarrierPickup.objects.get(), PracticeCarrierPickup.objects.get()
    assert "does not accept the client ID and secret" in text_of(wrong)
    assert "asks 6.65 USD." in text_of(cost)
    assert (pickup.status, pickup.confirmation, row.reference) == ("scheduled", row.prn, pickup.reference)
    assert there.client_secret not in text_of(page.get(reverse("connectors:carriers")))
    assert row.prn in text_of(page.get(f"/practice/carriers/{there.slug}/"))


def test_the_practice_carriers_page_tells_its_keys_and_loses_an_answer(client: Client):
    there = open_carrier(slug="ups", name="Practice UPS", country_code="NZ", time_zone="Pacific/Auckland")

    index, text = text_of(client.get("/practice/")), text_of(client.get("/practice/carriers/ups/"))
    client.post("/practice/carriers/ups/lose-answer/")

    assert "/practice/carriers/ups/" in index
    assert there.client_secret in text
    assert PracticeCarrier.objects.get().loses_next_answer


def test_the_merchant_is_told_by_mail_that_a_carrier_is_not_arranged(merchant: Merchant, owner: User, order: Order):
    failed(order)

    drain()

    assert [letter.to for letter in mail.outbox] == [[owner.email]]
    assert "A carrier is not arranged" in mail.outbox[0].subject


def test_the_driver_of_an_account_has_its_keys(merchant: Merchant):

    account = make_account(
        merchant, carrier="ups", base_url="https://onlinetools.ups.com", credentials={"client_id": "i"}
    )
    driver = carriers.carrier_for(CarrierAccount.objects.get(pk=account.pk))

    assert isinstance(driver, UpsCarrier)
    assert driver.login.credentials["client_id"] == "i"
    driver.close()
