"""The pages of labels, from the order to the printed PDF, and who may do what there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, Role, User
from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.carriers.models import Fault, PracticeCarrier, PracticeLabel
from connectors.services import carriers
from orders.models import Fulfillment, LabelBox, LabelStatus, Order, ShippingLabel
from tests.factories import later, make_member, make_user
from tests.orders.services.collected import drain, make_account
from tests.orders.services.labelled import FakeSeller, make_bought, make_label, make_rated, make_seller
from tests.orders.services.printed import pages, send_to
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import make_collectable
from tests.orders.services.test_labels import lost
from tests.orders.views.test_refunds import text_of
from tests.server import let_go

pytestmark = pytest.mark.django_db
EMPTY = {"parcel-TOTAL_FORMS": "3", "parcel-INITIAL_FORMS": "0"}
ACTS = ("buy", "ask_again", "look", "buy_again", "settle", "withdraw", "void", "ship")


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def order(merchant: Merchant) -> Order:
    return make_paid(merchant)


def new(order: Order) -> str:
    return reverse("orders:label_new", args=[order.public_id])


def url(label: ShippingLabel, name: str = "") -> str:
    return reverse(f"orders:label_{name}" if name else "orders:label", args=[label.public_id])


def filled(account: Any, **fields: str) -> dict[str, str]:
    lines = {"line-0": "3", "line-1": "1"}
    return EMPTY | lines | {"carrier": account.public_id, "parcel-0-weight_kg": "2.4"} | fields


def fresh(label: ShippingLabel) -> ShippingLabel:
    """With rates of now."""
    ShippingLabel.objects.filter(pk=label.pk).update(rated_at=timezone.now())
    label.refresh_from_db()
    return label


def test_weights_and_sizes_are_in_the_units_of_the_form(page: Client, order: Order):
    text = text_of(page.get(url(make_bought(order))))

    assert '<th class="num">Weight, kg</th><th>Size, cm</th>' in text
    assert '<td class="num">2.4</td><td>40 \N{MULTIPLICATION SIGN} 30 \N{MULTIPLICATION SIGN} 20</td>' in text


def test_labels_stand_under_pickups_in_the_navigation(page: Client):
    assert '<a href="/pickups/" aria-current="page">' in text_of(page.get(reverse("orders:labels")))


# --- asking for rates ---


def test_the_way_from_the_order_to_its_rates(page: Client, order: Order, merchant: Merchant):
    account = make_seller(merchant)
    ship = text_of(page.get(reverse("orders:ship", args=[order.public_id])))
    form = page.get(new(order))
    names = [row["field"].html_name for row in form.context["form"].rows]

    response = page.post(new(order), filled(account) | dict(zip(names, ("3", "1"), strict=True)))

    label = ShippingLabel.objects.get()
    assert new(order) in ship
    assert response["Location"] == url(label)
    assert list(label.lines.order_by("pk").values_list("quantity", flat=True)) == [3, 1]
    assert label.boxes.get().weight_g == 2400
    assert "asking UPS" in text_of(page.get(url(label)))


def test_a_parcel_without_a_weight_is_refused_beside_it(page: Client, order: Order, merchant: Merchant):
    response = page.post(
        new(order), filled(make_seller(merchant), **{"parcel-0-weight_kg": "", "parcel-0-length_cm": "3"})
    )

    assert response.status_code == 422
    assert "This field is required." in text_of(response)
    assert not ShippingLabel.objects.exists()


def test_no_parcel_at_all_is_refused(page: Client, order: Order, merchant: Merchant):
    names = [row["field"].html_name for row in _form(page, order, merchant).rows]
    data = EMPTY | {"carrier": merchant.carrier_accounts.get().public_id} | dict.fromkeys(names, "1")

    assert "A label is for 1 to 20 parcels." in text_of(page.post(new(order), data))


def _form(page: Client, order: Order, merchant: Merchant) -> Any:
    make_seller(merchant)
    return page.get(new(order)).context["form"]


def test_without_a_carrier_that_sells_labels_the_page_says_what_to_do(page: Client, order: Order, merchant: Merchant):
    make_account(merchant)

    text = text_of(page.get(new(order)))

    assert "No carrier that sells labels is connected" in text
    assert reverse("connectors:carriers") in text


def test_what_the_customer_collects_leads_to_its_own_page(page: Client, merchant: Merchant):
    order = make_collectable(merchant)

    assert page.get(new(order))["Location"] == reverse("orders:ready", args=[order.public_id])


# --- choosing and buying ---


def test_amount_and_currency_stand_there_before_and_what_was_charged_after(page: Client, order: Order):
    label = fresh(make_rated(order))
    before = text_of(page.get(url(label)))

    page.post(url(label, "buy"), {"rate": "03 10.13 USD"})
    drain(FakeSeller(), at=timezone.now())

    after = text_of(page.get(url(label)))
    assert "10.13" in before
    assert "UPS Next Day Air" in before
    assert "1 business day, guaranteed" in before
    assert "Charged" in after
    assert ("Bought" in after, "1Z10" in after) == (True, True)
    assert "1Z10" in text_of(page.get(reverse("orders:detail", args=[order.public_id])))


@pytest.mark.parametrize("rate", ["", "03 9.99 USD", "77 10.13 USD", "nonsense"])
def test_a_price_that_was_not_shown_buys_nothing(page: Client, order: Order, rate: str):
    label = fresh(make_rated(order))

    response = page.post(url(label, "buy"), {"rate": rate})

    assert response.status_code == 422
    assert "hoose" in text_of(response)
    label.refresh_from_db()
    assert label.status == LabelStatus.RATED


def test_rates_of_another_day_are_shown_and_not_for_sale(page: Client, order: Order):
    label = make_rated(order)
    ShippingLabel.objects.update(rated_at=timezone.now() - timedelta(hours=30))

    text = text_of(page.get(url(label)))

    assert "more than a day old" in text
    assert 'name="rate"' not in text


def test_what_nobody_knows_is_settled_by_a_person(page: Client, order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)
    text = text_of(page.get(url(label)))

    empty = page.post(url(label, "settle"), {"numbers": ""})
    few = page.post(url(label, "settle"), {"numbers": "1Z1 1Z2"}, follow=True)
    page.post(url(label, "settle"), {"numbers": "1Z77"})

    assert "Was it bought?" in text
    assert empty.status_code == 422
    assert "Give the tracking number." in text_of(few)
    label.refresh_from_db()
    assert (label.status, label.number) == (LabelStatus.BOUGHT, "1Z77")
    assert "no picture to print here" in text_of(page.get(url(label)))


def test_buying_again_is_a_button_of_its_own(page: Client, order: Order):
    carrier = FakeSeller()
    label = lost(order, carrier, sold=False)

    page.post(url(label, "look"))
    drain(carrier, at=later(hours=1))
    label.refresh_from_db()
    assert (label.status, len(carrier.asked)) == (LabelStatus.UNSURE, 1)
    page.post(url(label, "buy_again"))
    drain(carrier, at=later(hours=2))

    label.refresh_from_db()
    assert (label.status, len(carrier.asked)) == (LabelStatus.BOUGHT, 2)


# --- after buying ---


def test_a_label_is_printed_and_its_parcels_are_shipped(page: Client, order: Order):
    label = make_bought(order)

    printed = page.get(url(label, "file"))
    shipped = page.post(url(label, "ship"))
    again = page.post(url(label, "ship"), follow=True)

    assert (printed["Content-Type"], printed["Cache-Control"]) == ("application/pdf", "private, no-store")
    assert len(pages(printed.content)) == 1
    assert shipped["Location"] == reverse("orders:detail", args=[order.public_id])
    assert Fulfillment.objects.get().parcels.get().number == "1Z10"
    assert "handed over already" in text_of(again)
    assert "Handed over" in text_of(page.get(url(label)))


def test_many_labels_are_one_pdf(page: Client, merchant: Merchant, order: Order):
    first = make_bought(order)
    second = make_bought(make_paid(merchant), account=first.account)
    theirs = make_bought()

    chosen = [first.public_id, second.public_id, theirs.public_id]
    response = page.post(reverse("orders:labels_file"), {"labels": chosen})

    assert len(pages(response.content)) == 2


def test_nothing_to_print_is_said(page: Client, order: Order):
    label = make_bought(order)
    LabelBox.objects.update(image=None)

    assert "nothing to print" in text_of(page.get(url(label, "file"), follow=True))


def test_a_label_is_voided(page: Client, order: Order):
    label = make_bought(order)

    page.post(url(label, "void"))
    drain(FakeSeller(), at=timezone.now())

    assert "Voided" in text_of(page.get(url(label)))


def test_rates_that_nobody_wants_are_withdrawn(page: Client, order: Order):
    label = make_rated(order)

    page.post(url(label, "withdraw"))

    assert "Withdrawn" in text_of(page.get(url(label)))


def test_the_list_reads_as_much_for_one_label_as_for_three(page: Client, merchant: Merchant):
    empty = text_of(page.get(reverse("orders:labels")))
    account, counts = make_seller(merchant), []
    for more in (1, 2):
        for _ in range(more):
            make_bought(make_paid(merchant), account=account)
        with CaptureQueriesContext(connection) as queries:
            page.get(reverse("orders:labels"))
        counts.append(len(queries))

    assert "No labels yet" in empty
    assert counts[0] == counts[1]


# --- who may ---


def test_viewers_look_and_spend_nothing(client: Client, merchant: Merchant, order: Order):
    client.force_login(make_member(merchant, Role.VIEWER))
    label = make_rated(order)

    assert client.get(url(label)).status_code == 200
    assert "Buy label" not in text_of(client.get(url(label)))
    assert client.get(reverse("orders:labels")).status_code == 200
    assert [client.post(url(label, act)).status_code for act in ACTS] == [403] * len(ACTS)
    assert client.get(url(label, "file")).status_code == 403
    assert client.post(reverse("orders:labels_file")).status_code == 403
    assert client.get(new(order)).status_code == 403


def test_another_merchants_labels_do_not_exist(page: Client, merchant: Merchant, order: Order):
    theirs = make_bought()

    assert page.get(url(theirs)).status_code == 404
    assert page.get(url(theirs, "file")).status_code == 404
    assert [page.post(url(theirs, act)).status_code for act in ACTS] == [404] * len(ACTS)
    assert page.get(new(theirs.order)).status_code == 404
    assert theirs.reference not in text_of(page.get(reverse("orders:labels")))
    make_seller(merchant)
    assert "Select a valid choice" in text_of(page.post(new(order), filled(theirs.account)))


def test_the_operators_staff_see_labels_without_their_customers(client: Client, order: Order):
    send_to(order, address1="12 Ponsonby Road")
    label = make_bought(order)
    client.force_login(make_user(email="ops@storeward.example", is_staff=True, is_superuser=True))

    text = text_of(client.get(reverse("admin:orders_shippinglabel_change", args=[label.pk])))
    box = text_of(client.get(reverse("admin:orders_labelbox_change", args=[label.boxes.get().pk])))

    assert (label.reference in text, label.number in box) == (True, True)
    assert "12 Ponsonby Road" not in text + box


# --- against the practice UPS ---


@pytest.mark.django_db(transaction=True)
def test_ups_sells_one_label_although_its_answer_is_lost(
    live_server: Any, settings: Any, page: Client, order: Order, merchant: Merchant
):
    settings.BASE_URL = live_server.url
    there = open_carrier(slug="ups", name="Practice UPS", country_code="NZ", time_zone="Pacific/Auckland")
    send_to(order, address1="12 Elm Street", city="Wellington", postcode="6011", country_code="NZ", phone="+6441234567")
    account = make_seller(
        merchant, base_url=carriers.address_of(there), account_number=there.account_number,
        credentials={"client_id": there.client_id, "client_secret": there.client_secret},
    )  # fmt: skip
    label = make_label(order, account=account, at=timezone.now())
    PracticeCarrier.objects.update(next_fault=Fault.THROTTLED)
    drain(at=timezone.now())
    drain(at=timezone.now() + timedelta(minutes=1))
    label.refresh_from_db()
    rate = label.rates[0]
    PracticeCarrier.objects.update(loses_next_answer=True)

    page.post(url(label, "buy"), {"rate": f"{rate['service']} {rate['amount']} {rate['currency']}"})
    drain(at=timezone.now())
    drain(at=timezone.now() + timedelta(minutes=10))
    printed = page.get(url(label, "file"))
    page.post(url(label, "void"))
    drain(at=timezone.now())
    let_go()

    row = PracticeLabel.objects.get()
    label.refresh_from_db()
    assert (label.number, row.reference) == (row.number, label.reference)
    assert len(pages(printed.content)) == 1
    assert (label.status, row.voided_at is not None) == (LabelStatus.VOIDED, True)
    assert row.number in text_of(page.get("/practice/carriers/ups/"))


def test_the_practice_carrier_breaks_when_it_is_told_to(client: Client):
    open_carrier(slug="ups", name="Practice UPS", country_code="NZ", time_zone="Pacific/Auckland")

    client.post("/practice/carriers/ups/fault/", {"fault": "broken"})
    client.post("/practice/carriers/ups/fault/", {"fault": "unheard-of"})

    assert PracticeCarrier.objects.get().next_fault == Fault.BROKEN
