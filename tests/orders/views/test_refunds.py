"""The refund pages, for members, strangers, and customers with their link."""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from accounts.models import Merchant, Role, User
from connectors.errors import RejectedError
from orders.enums import RefundReason
from orders.models import Order, OrderPush, OutboxMessage, Payment, Refund, RefundPicture, RefundRequest
from orders.services import refund_links, refund_requests
from orders.services.refund_requests import AskedLine
from orders.views import refund_link
from tests.factories import NOON, make_connection, make_member, make_merchant, make_order
from tests.orders.services.pushed import make_pushed
from tests.orders.services.refundable import drain, issue, make_paid
from tests.orders.services.test_refunds import Line

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def order(merchant: Merchant) -> Order:
    return make_paid(merchant)


def refund_url(order: Order) -> str:
    return reverse("orders:refund", args=[order.public_id])


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


def filled(**fields: str) -> dict[str, str]:
    return {"key": "click", "reason": "damaged", **fields}


def asked(order: Order, picture: bytes = b"") -> RefundRequest:
    return refund_requests.ask(
        order_id=order.pk,
        lines=(AskedLine("1", 2, picture),),
        reason=RefundReason.FAULTY,
        note="<b>It wobbles</b>",
        at=NOON,
    )


# --- the merchant's form ---


def test_the_order_page_offers_a_refund_of_taken_money_only(page: Client, merchant: Merchant, order: Order):
    unpaid = make_order(merchant)

    assert refund_url(order) in text_of(page.get(reverse("orders:detail", args=[order.public_id])))
    assert refund_url(unpaid) not in text_of(page.get(reverse("orders:detail", args=[unpaid.public_id])))


def test_computing_moves_nothing_and_shows_what_it_comes_to(page: Client, order: Order):
    text = text_of(page.post(refund_url(order), filled(**{"line-0": "2", "shipping": "1.50", "compute": "1"})))

    assert "Refund $21.50" in text
    assert '<input type="hidden" name="shown" value="21.50">' in text
    assert not Refund.objects.exists()


def test_htmx_gets_the_total_alone(page: Client, order: Order):
    response = page.post(refund_url(order), filled(**{"line-0": "1"}), headers=HTMX)

    assert "<html" not in response.content.decode()
    assert "Refund $10.00" in text_of(response)


def test_what_was_given_back_is_said_beside_the_headline(page: Client, order: Order):
    url = reverse("orders:detail", args=[order.public_id])
    assert 'id="given-back"' not in text_of(page.get(url))

    issue(order, {"1": 1})
    drain()

    assert '<span class="badge" id="given-back">Partly refunded</span>' in text_of(page.get(url))


def test_confirming_promises_the_amount_that_was_shown(page: Client, order: Order):
    sent = filled(**{"line-0": "2", "shown": "20.00", "confirm": "1", "note": "Sorry", "restock": "on"})

    text = text_of(page.post(refund_url(order), sent, follow=True))

    refund = Refund.objects.get()
    assert (refund.amount, refund.note, refund.restock) == (20, "Sorry", True)
    assert "20.00 NZD is on its way back to the customer." in text
    assert "the history says which store was told" in text


def test_an_amount_that_was_not_shown_is_not_given(page: Client, order: Order):
    text = text_of(page.post(refund_url(order), filled(**{"line-0": "2", "shown": "10.00", "confirm": "1"})))

    assert "Refund $20.00" in text
    assert not Refund.objects.exists()


def test_the_same_click_twice_gives_one_refund(page: Client, order: Order):
    sent = filled(**{"line-0": "3", "shown": "30.00", "confirm": "1"})
    page.post(refund_url(order), sent)

    again = page.post(refund_url(order), sent)

    assert again["Location"] == reverse("orders:detail", args=[order.public_id])
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"line-0": "4"}, "3 can still be given back."),
        ({"line-0": "-1"}, "greater than or equal to 0"),
        ({"line-0": "1.5"}, "Enter a whole number."),
        ({"line-0": "many"}, "Enter a whole number."),
        ({"shipping": "5.01"}, "5.00 NZD of the shipping can still be given back."),
        ({"amount": "1.001"}, "no more than 2 decimal places"),
        ({"amount": "-1"}, "greater than or equal to 0"),
        ({"amount": "NaN"}, "Enter a number."),
        ({"amount": "0"}, "This must be more than zero."),
        ({"amount": "50.01"}, "50.00 NZD can still be given back."),
        ({"line-0": "1", "amount": "11"}, "may be lower, not higher"),
        ({}, "this comes to nothing"),
        ({"line-0": "1", "reason": ""}, "This field is required."),
        ({"line-0": "1", "reason": "cancelled"}, "Select a valid choice"),
    ],
    ids=str,
)
def test_what_is_wrong_stands_beside_what_was_typed(page: Client, order: Order, fields: dict, words: str):
    text = text_of(page.post(refund_url(order), filled(**fields, note="Kept words", confirm="1")))

    assert words in text
    assert "Kept words" in text
    assert all(f'value="{value}"' in text for name, value in fields.items() if name != "reason")
    assert not Refund.objects.exists()


def test_yen_have_no_decimals(page: Client, merchant: Merchant):
    order = make_paid(merchant, currency="JPY", lines=[{"sku": "A", "unit_price": "1200"}], shipping=Decimal(300))

    text = text_of(page.post(refund_url(order), filled(shipping="100.5")))

    assert "no more than 0 decimal places" in text


def test_an_order_without_money_left_says_so(page: Client, merchant: Merchant):
    assert "There is nothing to give back" in text_of(page.get(refund_url(make_order(merchant))))


def test_confirming_what_has_gone_meanwhile_is_refused(page: Client, order: Order):
    issue(order, {"1": 3})

    response = page.post(refund_url(order), filled(amount="30", shown="30.00", confirm="1"))

    assert "20.00 NZD can still be given back." in text_of(response)
    assert Refund.objects.count() == 1


def test_hostile_words_are_inert(page: Client, merchant: Merchant):
    order = make_paid(merchant, lines=[{"sku": "<i>", "title": "<script>alert(1)</script>", "unit_price": "50"}])
    asked_for = refund_requests.ask(
        order_id=order.pk, lines=(AskedLine("1", 1),), reason="other", note="<script>alert(2)</script>", at=NOON
    )

    for url in (
        refund_url(order),
        f"{refund_url(order)}?request={asked_for.public_id}",
        reverse("orders:detail", args=[order.public_id]),
        reverse("orders:requests"),
        reverse("orders:request_decline", args=[asked_for.public_id]),
    ):
        assert "<script>alert" not in text_of(page.get(url))


# --- the ledger ---


def test_a_failed_refund_offers_another_try_and_its_end(page: Client, order: Order):
    refund = issue(order, {"1": 1})
    drain(Line(RejectedError("Stripe refused the refund: disputed.")))
    shown = text_of(page.get(reverse("orders:detail", args=[order.public_id])))

    retried = text_of(page.post(reverse("orders:refund_retry", args=[refund.public_id]), follow=True))
    ended = text_of(page.post(reverse("orders:refund_withdraw", args=[refund.public_id]), follow=True))

    assert "Stripe refused the refund: disputed." in shown
    assert "Giving the money back again." in retried
    assert "nothing was given back" in ended
    again = text_of(page.post(reverse("orders:refund_retry", args=[refund.public_id]), follow=True))
    assert "This refund did not fail." in again


def test_a_refund_in_the_store_is_shown_with_the_matching_refund(page: Client, merchant: Merchant):
    pushed = make_pushed(merchant=merchant, connection=make_connection(merchant))
    Payment.objects.update(captured=pushed.order.total)
    OrderPush.objects.update(remote_refunded=Decimal("15.00"))

    shown = text_of(page.get(reverse("orders:detail", args=[pushed.order.public_id])))
    form = text_of(page.get(f"{refund_url(pushed.order)}?store=1"))

    assert "The store shows $15.00 refunded that was not given back here." in shown
    assert f'href="{refund_url(pushed.order)}?store=1"' in shown
    assert re.search(r'name="line-\d" value="1"', form)
    assert not OutboxMessage.objects.filter(topic="refund_payment").exists()


@pytest.mark.parametrize("rest", [0, 5])
def test_an_order_that_was_given_back_whole_says_which_store_may_still_send_it(
    page: Client, merchant: Merchant, rest: int
):
    """And whether cancelling it gives back more: its shipping, that no refund of its units has."""
    shop = make_connection(merchant, name="Kauri Shopify")
    pushed = make_pushed(merchant=merchant, connection=shop, shipping=Decimal(rest))
    Payment.objects.filter(order=pushed.order).update(captured=pushed.order.total)
    url, mark = reverse("orders:detail", args=[pushed.order.public_id]), 'id="still-asked"'
    issue(pushed.order, {"1": 2})
    assert mark not in text_of(page.get(url))

    issue(pushed.order, {"2": 1})

    shown = text_of(page.get(url))
    assert "Every unit was given back, and Kauri Shopify may still send it." in shown
    assert ("and gives back what is left of the payment" in shown, "No money moves" in shown) == (rest > 0, not rest)
    assert f'<a href="{reverse("orders:cancel", args=[pushed.order.public_id])}">Cancel the order</a>' in shown
    page.post(reverse("orders:cancel", args=[pushed.order.public_id]), {"reason": "out_of_stock"})
    assert sum(refund.amount for refund in pushed.order.refunds.all()) == pushed.order.total
    pushed.drain()
    assert mark not in text_of(page.get(url))


def make_cancelled_there(merchant: Merchant) -> Order:
    pushed = make_pushed(merchant=merchant, connection=make_connection(merchant))
    Payment.objects.filter(order=pushed.order).update(captured=pushed.order.total)
    pushed.record(None)
    return pushed.order


def test_a_cancellation_in_the_store_is_shown_with_all_of_it_filled_in(page: Client, merchant: Merchant):
    order = make_cancelled_there(merchant)

    shown = text_of(page.get(reverse("orders:detail", args=[order.public_id])))
    form = page.get(f"{refund_url(order)}?store=1").context["form"]

    assert "The store cancelled $45.00 of this order, which the customer has paid." in shown
    assert [form[f"line-{index}"].value() for index in range(2)] == [2, 1]


def test_what_stores_took_off_waits_in_a_list(page: Client, merchant: Merchant):
    order = make_cancelled_there(merchant)
    make_cancelled_there(make_merchant(slug="other"))

    shown = text_of(page.get(reverse("orders:requests")))

    assert shown.count("The store cancelled $45.00 of this order") == 1
    assert f'href="{refund_url(order)}?store=1"' in shown
    assert 'id="owed-orders"' not in text_of(page.get(reverse("orders:requests"), {"all": "1"}))


def test_that_list_asks_the_same_number_of_questions_for_one_and_three(page: Client, merchant: Merchant):
    make_cancelled_there(merchant)
    page.get(reverse("orders:requests"))
    with CaptureQueriesContext(connection) as one:
        page.get(reverse("orders:requests"))
    for _ in range(2):
        make_cancelled_there(merchant)

    with CaptureQueriesContext(connection) as three:
        assert len(page.get(reverse("orders:requests")).context["owed_orders"]) == 3

    assert len(three) == len(one)


def test_a_viewer_sees_what_stores_took_off_and_no_button(client: Client, merchant: Merchant):
    order = make_cancelled_there(merchant)
    client.force_login(make_member(merchant, Role.VIEWER))

    shown = text_of(client.get(reverse("orders:requests")))

    assert order.number in shown
    assert refund_url(order) not in shown


def test_the_mail_about_a_refund_in_the_store_leads_to_the_matching_refund(mailoutbox):
    pushed = make_pushed(merchant=make_merchant(alert_addresses=["shop@kauri.example"]))
    Payment.objects.update(captured=pushed.order.total)
    pushed.store.refund(pushed.push.remote_id, "10.00")
    pushed.pull()

    pushed.drain()

    assert f"Refund it here: http://127.0.0.1:8000{refund_url(pushed.order)}?store=1" in mailoutbox[0].body


# --- requests ---


def test_requests_wait_in_a_list_and_on_the_order(page: Client, order: Order):
    assert "Nobody waits for an answer" in text_of(page.get(reverse("orders:requests")))
    request = asked(order)

    listed = text_of(page.get(reverse("orders:requests")))
    shown = text_of(page.get(reverse("orders:detail", args=[order.public_id])))

    assert order.number in listed
    assert "2 × Oak stool" in listed  # noqa: RUF001  # the sign that people read
    assert f"{refund_url(order)}?request={request.public_id}" in shown
    assert "&lt;b&gt;It wobbles&lt;/b&gt;" in shown


def test_issuing_fills_in_what_was_asked_for_and_answers_it(page: Client, order: Order):
    request = asked(order)
    url = f"{refund_url(order)}?request={request.public_id}"
    opened = text_of(page.get(url))
    assert 'name="line-0" value="2"' in opened
    assert "Refund $20.00" in opened
    assert '<option value="faulty" selected>' in opened

    page.post(url, filled(**{"line-0": "1", "shown": "10.00", "confirm": "1"}))

    request.refresh_from_db()
    assert (request.status, Refund.objects.get().request) == ("issued", request)


def test_a_request_of_which_nothing_is_left_opens_an_empty_form(page: Client, order: Order):
    request = asked(order)
    issue(order, {"1": 3})

    text = text_of(page.get(f"{refund_url(order)}?request={request.public_id}"))

    assert "Choose what goes back" in text


def test_issuing_what_was_declined_meanwhile_is_refused(page: Client, order: Order):
    request = asked(order)
    refund_requests.decline(request_id=request.pk, answer="No.", by="ben", at=NOON)

    sent = filled(**{"line-0": "1", "shown": "10.00", "confirm": "1"})
    text = text_of(page.post(f"{refund_url(order)}?request={request.public_id}", sent))

    assert "answered already: declined by ben" in text
    assert not Refund.objects.exists()


def test_declining_needs_a_reason_and_keeps_it_when_it_is_refused(page: Client, order: Order):
    request = asked(order)
    url = reverse("orders:request_decline", args=[request.public_id])
    assert "This field is required." in text_of(page.post(url, {"reason": " "}))

    assert "Declined. The customer is told" in text_of(page.post(url, {"reason": "Too old."}, follow=True))
    again = text_of(page.post(url, {"reason": "Really too old."}))

    assert "answered already: declined by ana@kauri.example" in again
    assert "Really too old." in again


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(
    page: Client, merchant: Merchant, order: Order, django_assert_num_queries
):
    asked(order)
    page.get(reverse("orders:requests"))
    with CaptureQueriesContext(connection) as one:
        page.get(reverse("orders:requests"))
    for _ in range(2):
        asked(make_paid(merchant))
    with django_assert_num_queries(len(one)):
        page.get(reverse("orders:requests"))


# --- who may ---


def test_a_viewer_sees_requests_and_changes_nothing(merchant: Merchant, order: Order, client: Client):
    client.force_login(make_member(merchant, Role.VIEWER))
    request, refund = asked(order, b"jpeg"), issue(order, {"2": 1})

    assert order.number in text_of(client.get(reverse("orders:requests")))
    assert "Issue a refund" not in text_of(client.get(reverse("orders:detail", args=[order.public_id])))
    for name, public_id in (
        ("refund", order.public_id),
        ("request_decline", request.public_id),
        ("refund_retry", refund.public_id),
        ("refund_withdraw", refund.public_id),
    ):
        assert client.post(reverse(f"orders:{name}", args=[public_id]), {"reason": "x"}).status_code == 403


def test_for_another_merchant_none_of_it_exists(order: Order, client: Client):
    client.force_login(make_member(make_merchant()))
    request, refund = asked(order, b"jpeg"), issue(order, {"2": 1})
    picture = RefundPicture.objects.get()

    assert order.number not in text_of(client.get(reverse("orders:requests") + "?all=1"))
    assert client.get(reverse("orders:refund_picture", args=[picture.public_id])).status_code == 404
    for name, public_id in (
        ("refund", order.public_id),
        ("request_decline", request.public_id),
        ("refund_retry", refund.public_id),
        ("refund_withdraw", refund.public_id),
    ):
        assert client.post(reverse(f"orders:{name}", args=[public_id]), {"reason": "x"}).status_code == 404


def test_another_orders_request_fills_in_nothing(page: Client, merchant: Merchant, order: Order):
    other = asked(make_paid(merchant))

    assert page.get(f"{refund_url(order)}?request={other.public_id}").status_code == 404


def test_a_picture_is_served_as_a_picture_to_members_alone(page: Client, order: Order):
    asked(order, b"\xff\xd8pixels")
    url = reverse("orders:refund_picture", args=[RefundPicture.objects.get().public_id])

    response = page.get(url)

    assert (response["Content-Type"], response.content) == ("image/jpeg", b"\xff\xd8pixels")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "private" in response["Cache-Control"]
    assert Client().get(url).status_code == 302


def test_the_order_page_reads_no_picture(page: Client, order: Order, django_assert_max_num_queries):
    asked(order, b"jpeg")

    with django_assert_max_num_queries(40) as asked_for:
        page.get(reverse("orders:detail", args=[order.public_id]))

    assert not any('"orders_refundpicture"."content"' in query["sql"] for query in asked_for.captured_queries)


# --- the customer's page ---


@pytest.fixture
def link(order: Order) -> str:
    cache.clear()
    return refund_links.url_for(order).removeprefix("http://127.0.0.1:8000")


def photo(name: str = "stool.jpg") -> SimpleUploadedFile:
    out = BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "JPEG", comment=b"CANARY")
    return SimpleUploadedFile(name, out.getvalue(), content_type="text/html")


def test_a_customer_asks_with_a_picture(client: Client, link: str, order: Order):
    sent = {"line-0": "2", "reason": "damaged", "note": "It wobbles.", "picture-line-0": photo()}

    text = text_of(client.post(link, sent, follow=True))

    request = RefundRequest.objects.get()
    assert [(row.line.external_id, row.quantity) for row in request.lines.all()] == [("1", 2)]
    content = bytes(RefundPicture.objects.get().content)
    assert content.startswith(b"\xff\xd8\xff")
    assert b"CANARY" not in content
    assert "has your request and answers by e-mail" in text


def test_the_page_shows_the_order_and_nobody(client: Client, link: str, order: Order):
    text = text_of(client.get(link))

    assert order.number in text
    assert "Oak stool" in text
    for personal in (order.customer_name, order.customer_email, "Ponsonby"):
        assert personal not in text


@pytest.mark.parametrize("change", [lambda url: url[:-1] + "A/", lambda url: "/refund/x/", lambda url: url + "x/"])
def test_a_wrong_link_is_nothing(client: Client, link: str, change):
    response = client.get(change(link))

    assert response.status_code == 404
    assert "Oak stool" not in text_of(response)


def test_what_the_customer_typed_stays_with_what_is_wrong(client: Client, link: str):
    bad = SimpleUploadedFile("x.jpg", b"<svg onload=alert(1)>", content_type="image/jpeg")
    sent = {"line-0": "9", "line-1": "1", "reason": "", "note": "Kept words", "picture-line-1": bad}

    text = text_of(client.post(link, sent))

    assert 'value="9"' in text
    assert "Kept words" in text
    assert "This field is required." in text
    assert "not a picture that can be read" in text
    assert not RefundRequest.objects.exists()


def test_units_that_are_not_there_are_refused_beside_their_line(client: Client, link: str):
    text = text_of(client.post(link, {"line-0": "4", "reason": "late"}))

    assert "This must be between 1 and 3." in text


def test_a_picture_needs_its_units(client: Client, link: str):
    text = text_of(client.post(link, {"line-1": "1", "reason": "late", "picture-line-0": photo()}))

    assert "Say how many of it you want refunded." in text


def test_a_second_request_is_not_made(client: Client, link: str):
    sent = {"line-0": "1", "reason": "late"}
    client.post(link, sent)

    text = text_of(client.post(link, sent))

    assert "You have asked for a refund already" in text
    assert RefundRequest.objects.count() == 1


def test_the_answer_is_shown_behind_the_link(client: Client, link: str, order: Order):
    refund_requests.decline(request_id=asked(order).pk, answer="Older than 30 days.", by="ana", at=NOON)

    text = text_of(client.get(link))

    assert "declined your request" in text
    assert "Older than 30 days." in text
    assert "ana" not in re.sub(r"<[^>]*>", "", text).split()


def test_an_order_with_nothing_to_refund_says_so(client: Client, order: Order, link: str):
    Payment.objects.update(status="authorized", captured=0, captured_at=None)

    assert "There is nothing to refund on this order" in text_of(client.get(link))


def test_a_body_that_is_too_large_is_not_read(client: Client, link: str):
    response = client.generic("POST", link, b"", CONTENT_LENGTH=str(refund_link.MOST_BODY + 1))

    assert response.status_code == 413
    assert "The pictures are too large" in text_of(response)


def test_a_link_is_not_tried_without_end(client: Client, link: str):
    with time_machine.travel(NOON, tick=False):  # no hour begins meanwhile
        for _ in range(refund_link.TRIES_PER_HOUR):
            assert client.post(link, {}).status_code == 200

        assert client.post(link, {}).status_code == 429


def test_another_site_cannot_send_the_form(link: str):
    assert Client(enforce_csrf_checks=True).post(link, {"line-0": "1", "reason": "late"}).status_code == 403


def test_an_order_of_many_lines_can_be_sent(client: Client, merchant: Merchant):
    lines = [{"sku": f"S{n}", "unit_price": "1.00"} for n in range(120)]
    link = refund_links.url_for(make_paid(merchant, lines=lines)).removeprefix("http://127.0.0.1:8000")

    assert client.get(link).content.decode().count('type="file"') == 50
