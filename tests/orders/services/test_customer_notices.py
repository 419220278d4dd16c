from __future__ import annotations

import re
import smtplib
from dataclasses import replace
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core import mail

from connectors.base import Parcel
from orders.enums import Delivery, OutboxStatus, Topic
from orders.models import Fulfillment, OutboxMessage
from orders.models import Parcel as ParcelRow
from tests.factories import make_merchant
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db

POST = Parcel("NZ Post", "NZ1", "https://track.example/NZ1")
DHL = Parcel("DHL", "DHL2", "https://track.example/DHL2")
SMTP = "django.core.mail.backends.locmem.EmailBackend.send_messages"


def told(pushed: Pushed) -> list[list[str]]:
    """The tracking numbers that each promised mail names."""
    numbers = dict(ParcelRow.objects.values_list("pk", "number"))
    return [[numbers[pk] for pk in message.payload["parcels"]] for message in pushed.promised(Topic.TELL_CUSTOMER)]


def html_of(message: mail.EmailMultiAlternatives) -> str:
    return message.alternatives[0][0]


def test_several_new_parcels_make_one_mail():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, {"A": 2}, [POST])
    pushed.store.fulfill(pushed.push.remote_id, {"B": 1}, [DHL])

    pushed.pull()

    assert told(pushed) == [["NZ1", "DHL2"]]


def test_each_parcel_is_promised_once_under_replays():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id, {"A": 2}, [POST])
    early = pushed.remote
    pushed.pull()
    pushed.store.add_tracking(pushed.push.remote_id, shipment, DHL)

    for remote in (pushed.remote, early, pushed.remote, early):
        pushed.record(remote)

    assert told(pushed) == [["NZ1"], ["DHL2"]]


def test_late_tracking_makes_an_update_mail():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()
    pushed.store.add_tracking(pushed.push.remote_id, shipment, POST)
    pushed.pull()
    pushed.drain()

    number = pushed.order.number
    assert [message.subject for message in mail.outbox] == [
        f"Your order {number} is on its way",
        f"Tracking for your order {number}",
    ]
    assert "There is no tracking number for this delivery." in mail.outbox[0].body
    assert "https://track.example/NZ1" in mail.outbox[1].body


def test_a_fulfillment_without_tracking_is_told_once():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    OutboxMessage.objects.all().delete()  # as the nightly prune does one day

    pushed.pull()

    assert pushed.promised(Topic.TELL_CUSTOMER) == []


def test_a_number_that_is_corrected_back_is_not_told_again():
    pushed = make_pushed()
    remote_id = pushed.push.remote_id
    shipment = pushed.store.fulfill(remote_id, parcels=[POST])
    for parcels in ((DHL,), (POST,), (DHL,)):
        pushed.pull()
        shipment = pushed.store.put(remote_id, replace(shipment, parcels=parcels))
    pushed.pull()

    assert len(pushed.promised(Topic.TELL_CUSTOMER)) == 2


def test_a_fulfillment_taken_back_before_the_mail_goes_out_is_not_told():
    pushed = make_pushed()
    shipment = pushed.store.fulfill(pushed.push.remote_id, parcels=[POST])
    pushed.pull()
    pushed.store.take_back(pushed.push.remote_id, shipment)
    pushed.pull()

    pushed.drain()

    assert mail.outbox == []
    (text,) = pushed.history("customer.not_told")
    assert text.endswith("what was to be told was taken back before the mail went out.")


def test_the_mail_says_what_was_sent_where_to_and_what_is_still_to_come():
    pushed = make_pushed(customer_name="Harriet Ngata")
    pushed.store.fulfill(pushed.push.remote_id, {"A": 1}, [POST])
    pushed.pull()
    pushed.drain()

    body = mail.outbox[0].body
    assert mail.outbox[0].subject == f"Part of your order {pushed.order.number} is on its way"
    assert "Hello Harriet Ngata," in body
    assert "  1 × Oak stool\n" in body  # noqa: RUF001
    assert "Still to come:\n  1 × Oak stool\n  1 × Vase\n" in body  # noqa: RUF001
    assert "Delivery to: 12 Ponsonby Road, Auckland, 1011, NZ" in body
    assert pushed.history("customer.told") == ["Told the customer by e-mail: NZ1."]


def test_a_pickup_is_told_with_place_address_and_instructions():
    pushed = make_pushed(
        delivery=Delivery.PICKUP, pickup_name="Kauri Showroom", pickup_address="3 Quay Street, Auckland",
        pickup_instructions="Ring the bell.",
    )  # fmt: skip
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()

    assert mail.outbox[0].subject == f"Your order {pushed.order.number} is ready to pick up"
    for part in (mail.outbox[0].body, html_of(mail.outbox[0])):
        assert "Kauri Showroom" in part
        assert "3 Quay Street, Auckland" in part
        assert "Ring the bell." in part


def test_amounts_have_the_decimals_of_their_currency():
    dollars = make_pushed()
    yen = make_pushed(currency="JPY", lines=[{"sku": "A", "unit_price": "1200", "quantity": 2}])
    for pushed in (dollars, yen):
        pushed.store.fulfill(pushed.push.remote_id)
        pushed.pull()
        pushed.drain()

    assert "Order total: 45.00 NZD" in mail.outbox[0].body
    assert "Order total: 2400 JPY" in mail.outbox[1].body


def test_names_in_any_script_arrive_as_they_are():
    pushed = make_pushed(customer_name="王 小明 أحمد", lines=[{"sku": "A", "title": "茶杯 ☕"}])
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()

    assert "Hello 王 小明 أحمد," in mail.outbox[0].body
    assert "茶杯 ☕" in html_of(mail.outbox[0])


def test_days_are_those_of_the_merchant():
    merchant = make_merchant(time_zone="Pacific/Auckland")  # noon UTC is past midnight there
    pushed = make_pushed(merchant=merchant)
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()

    assert "Sent on: 24 November 2026" in mail.outbox[0].body


def test_the_mail_comes_in_the_merchants_name_and_answers_go_to_the_merchant():
    merchant = make_merchant(name="Kauri & Clay", alert_addresses=["shop@kauri.example", "two@kauri.example"])
    pushed = make_pushed(merchant=merchant)
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()

    assert mail.outbox[0].from_email == "Kauri & Clay <orders@storeward.example>"
    assert mail.outbox[0].reply_to == ["shop@kauri.example"]


def test_an_order_without_an_address_says_that_nobody_was_told():
    pushed = make_pushed(customer_email="")
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()

    assert mail.outbox == []
    assert pushed.history("customer.not_told") == ["The customer was not told: the order has no e-mail address."]


def test_a_mail_server_that_fails_is_tried_again_with_the_same_message_id():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, parcels=[POST])
    pushed.pull()
    with patch(SMTP, side_effect=smtplib.SMTPServerDisconnected) as broken:
        pushed.drain()
    pushed.store.clock.advance(3600)
    pushed.drain()

    assert broken.call_args.args[0][0].extra_headers["Message-ID"] == mail.outbox[0].extra_headers["Message-ID"]
    assert pushed.promised(Topic.TELL_CUSTOMER)[0].status == OutboxStatus.DONE


def test_an_address_that_is_refused_for_good_is_not_tried_again():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    with patch(SMTP, side_effect=smtplib.SMTPRecipientsRefused({"harriet@example.com": (550, b"no such user")})):
        pushed.drain()

    assert pushed.promised(Topic.TELL_CUSTOMER)[0].status == OutboxStatus.DONE
    assert pushed.history("customer.not_told") == ["The customer was not told: the mail server refused the address."]


# --- hostile text ---


def test_a_name_cannot_add_headers_or_paragraphs():
    pushed = make_pushed(
        merchant=make_merchant(name="Kauri\r\nBcc: all@evil.example"),
        customer_name="Harriet\r\n\r\nPay at https://evil.example",
        number="AP-1\nBcc: all@evil.example",
    )
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()
    pushed.drain()

    message = mail.outbox[0].message()
    assert message["Bcc"] is None
    assert message["Subject"] == "Your order AP-1 Bcc: all@evil.example is on its way"
    assert "Hello Harriet Pay at https://evil.example," in mail.outbox[0].body


def test_markup_in_names_is_text_in_the_mail():
    pushed = make_pushed(lines=[{"sku": "A", "title": "<script>alert(1)</script>"}], customer_name='"><img src=x>')
    pushed.store.fulfill(pushed.push.remote_id, parcels=[Parcel("<b>DHL</b>", '"><svg onload=alert(1)>')])
    pushed.pull()
    pushed.drain()

    html = html_of(mail.outbox[0])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not any(tag in html for tag in ("<script", "<img", "<svg", "<b>"))
    assert "<script>alert(1)</script>" in mail.outbox[0].body


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,hi",
        "//evil.example/x",
        "https://kauri.example@evil.example/",
        "https://[",
        "https://a.example/ b",
    ],
)
def test_a_tracking_address_that_nobody_should_follow_is_no_link(url: str):
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, parcels=[Parcel("DHL", "DHL2", url)])
    pushed.pull()
    pushed.drain()

    links = re.findall(r'href="([^"]*)', html_of(mail.outbox[0]))
    assert [link.rpartition("/refund/")[0] for link in links] == [settings.BASE_URL]
    assert url not in mail.outbox[0].body
    assert "DHL2" in mail.outbox[0].body


def test_a_mail_loads_nothing():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, parcels=[POST])
    pushed.pull()
    pushed.drain()

    assert not any(word in html_of(mail.outbox[0]) for word in ("src=", "url(", "<link", "@import", "<table"))


def test_told_at_stands_on_all_that_was_promised():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id, parcels=[POST, DHL])
    pushed.pull()

    assert not ParcelRow.objects.filter(told_at=None).exists()
    assert Fulfillment.objects.get().told_at is not None
