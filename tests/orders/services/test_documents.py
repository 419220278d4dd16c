"""Packing slips and commercial invoices: what stands in them, in any script, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.enums import DocumentKind, JobStatus, OrderStatus, OutboxStatus
from orders.errors import DocumentsRefused, InvalidShipment, OrderError
from orders.models import DocumentJob, Fulfillment, Order, OutboxMessage
from orders.services import clock, customs_data, documents, privacy
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.orders.services.partnered import make_partnered
from tests.orders.services.printed import make_declared, pages, send_to
from tests.orders.services.refundable import STOOLS, issue, make_paid
from tests.orders.services.shippable import drain, make_collectable, ship

pytestmark = pytest.mark.django_db
SLIP, INVOICE = DocumentKind.PACKING_SLIP, DocumentKind.COMMERCIAL_INVOICE


def make(*orders: Order, kind: DocumentKind = SLIP, **fields: Any) -> bytes:
    return documents.make(order_ids=[order.pk for order in orders], kind=kind, **fields)


def missing(act: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(DocumentsRefused) as refusal:
        act()
    return [(problem.field, problem.code) for gap in refusal.value.gaps for problem in gap.problems]


# --- what stands in them ---


def test_a_packing_slip_says_what_is_in_the_box_and_for_whom():
    order = make_paid()
    ship(order, {"1": 1})

    [text] = pages(make(order))

    for part in ("Packing slip", f"Order {order.number}", "Harriet Ngata", "12 Ponsonby Road", "Auckland AUK 1011"):
        assert part in text
    assert "A Oak stool 3 1 B Vase 1 0" in text
    assert "4 units" in text
    assert "10.00" not in text  # no prices


def test_a_commercial_invoice_says_what_customs_asks_for():
    [text] = pages(make(make_declared(), kind=INVOICE, incoterm="DDP"))

    for part in ("Commercial invoice", "INV-1001", "DDP", "1 Karangahape Road", "Harriet Ngata", "New Zealand (NZ)"):
        assert part in text
    assert "Oak stool (A) 940360 New Zealand (NZ) 3 8.00 24.00" in text
    assert "Vase (B) 691390 Viet Nam (VN) 1 15.00 15.00" in text
    assert "Goods 39.00 NZD Freight 5.00 NZD Total 44.00 NZD" in text


def test_a_discount_lowers_what_the_customer_pays_for_unless_values_were_typed():
    order = make_declared(discount="4.00")
    typed = pages(make(order, kind=INVOICE))[0]
    order.lines.update(customs_value=None)
    paid = pages(make(order, kind=INVOICE))[0]

    assert "Discount" not in typed
    assert "Goods 45.00 NZD Discount -4.00 NZD Freight 5.00 NZD Total 46.00 NZD" in paid


@pytest.mark.parametrize(
    ("status", "remote_id", "freight"), [("pushed", "1", False), ("waiting", "", False), ("cancelled", "", True)]
)
def test_freight_is_declared_where_the_shipping_stays(status: str, remote_id: str, freight: bool):
    """The store has the vase, and the shipping with it."""
    order = make_declared(connections=[make_connection()])
    push = order.pushes.get()
    push.push_lines.filter(line__external_id="1").delete()
    push.status, push.wait_for, push.remote_id = status, "x" if status == "waiting" else "", remote_id
    push.pushed_at = NOON if remote_id else None
    push.save()

    text = pages(make(order, kind=INVOICE))[0]

    assert push.shipping == 5
    assert ("Freight 5.00 NZD" in text) is freight


def test_freight_is_declared_whole_where_a_partner_is_paid_for_sending_the_rest():
    pair = make_partnered()
    order = pair.paid(("BOWL", 1, "30.00"), ("RUG", 1, "100.00"), shipping=Decimal("5.00"))
    pair.rules(("0", "4.00"))
    order.pushes.exclude(connection=pair.connection).update(status="skipped", wait_for="")
    [read] = documents._read([order.pk])

    assert (pair.push_of(order).shipping, documents._freight(read)) == (4, 5)


def test_an_invoice_is_named_by_its_key_where_it_has_no_number():
    order = make_declared(invoice_number="", invoice_key="35" * 22)

    text = pages(make(order, kind=INVOICE))[0]

    assert ("Invoice key" in text, "Invoice number" in text) == (True, False)


def test_units_that_were_given_back_before_are_neither_packed_nor_declared():
    order = make_declared(discount="4.50")
    issue(order, {"1": 1})

    slip, invoice = (pages(make(order, kind=kind))[0] for kind in (SLIP, INVOICE))
    order.lines.update(customs_value=None)
    paid = pages(make(order, kind=INVOICE))[0]

    assert ("A Oak stool 2 0 B Vase 1 0" in slip, "3 units" in slip) == (True, True)
    assert "Oak stool (A) 940360 New Zealand (NZ) 2 8.00 16.00" in invoice
    assert "Goods 31.00 NZD Freight" in invoice
    assert "Goods 35.00 NZD Discount -3.50 NZD" in paid


def test_what_came_back_later_stays_on_the_papers_that_it_went_with():
    order = make_paid()
    ship(order)
    issue(order, {"1": 3})

    assert "A Oak stool 3 3 B Vase 1 1" in pages(make(order))[0]


def test_what_a_destination_sends_is_on_its_papers_and_not_on_ours():
    order = make_declared(connections=[make_connection()])
    push = order.pushes.get()
    push.push_lines.filter(line__external_id="2").delete()

    assert "A Oak stool" not in pages(make(order))[0]

    push.status, push.wait_for = "cancelled", ""
    push.save()
    sent = Fulfillment.objects.create(
        order=order, push=push, remote_id="gid", status="success", shipped_at=NOON, created_at=NOON
    )
    sent.lines.create(line=order.lines.get(external_id="1"), quantity=1)
    assert "A Oak stool 2 0 B Vase 1 0" in pages(make(order))[0]


def test_an_order_that_a_destination_sends_whole_gets_no_papers():
    order = make_paid(connections=[make_connection()])

    assert ("lines", "nothing_to_send") in missing(lambda: make(order))


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("Łukasz Žižek", "PL"), ("Αλέξης Παπαδόπουλος", "GR"), ("Ольга Жукова", "UA"), ("Nguyễn Thị Hồng", "VN"),
        ("山田 さくら", "JP"), ("王小明", "CN"), ("김서연", "KR"), ("陳大文", "TW"),
    ],
)  # fmt: skip
def test_names_in_many_scripts_can_be_read(name: str, country: str):
    order = make_paid()
    send_to(order, first_name=name, last_name="", country_code=country)

    assert name in pages(make(order))[0]


def test_what_no_font_has_becomes_a_question_mark():
    order = make_paid(customer_note="Thanks \U0001f600 שלום")

    assert "Thanks ? ????" in pages(make(order))[0]


def test_the_same_orders_are_the_same_bytes():
    order = make_declared()

    assert make(order, kind=INVOICE) == make(order, kind=INVOICE)


def test_each_order_begins_on_a_page_of_its_own_in_the_order_of_placing():
    merchant = make_merchant()
    later, first = make_paid(merchant, placed_at=NOON), make_paid(merchant, placed_at=NOON - timedelta(days=1))

    texts = pages(make(later, first))

    assert [first.number in texts[0], later.number in texts[1], len(texts)] == [True, True, 2]


def test_a_long_order_goes_on_with_the_next_page_under_the_same_head():
    lines = [{"sku": f"S{n}", "title": f"A stool of a rather long name, number {n}"} for n in range(90)]

    texts = pages(make(make_paid(lines=lines)))

    assert len(texts) > 1
    assert all("Sent already" in text for text in texts)
    assert "page 2" in texts[1]
    assert "number 89" in texts[-1]


def test_a_word_longer_than_the_paper_is_cut_and_not_lost():
    order = make_paid(lines=[{"sku": "A", "title": "W" * 300}])

    assert "W" * 300 in pages(make(order))[0].replace(" ", "")


def test_a_collected_orders_slip_names_the_place():
    [text] = pages(make(make_collectable()))

    assert "To be picked up at" in text
    assert "Kauri & Clay, Newmarket" in text


def test_what_is_no_goods_is_not_packed():
    order = make_paid()
    order.lines.filter(external_id="2").update(requires_shipping=False)

    assert "Vase" not in pages(make(order))[0]


def test_the_reads_are_as_many_for_one_order_as_for_three():
    merchant = make_merchant()
    orders = [make_paid(merchant) for _ in range(3)]

    counts = []
    for chosen in (orders[:1], orders):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            make(*chosen)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] <= 7


# --- what is refused ---


def test_a_gap_is_named_for_every_order_that_has_one():
    merchant = make_merchant(address1="1 Karangahape Road")
    good, bad = make_declared(merchant), make_paid(merchant)

    with pytest.raises(DocumentsRefused) as refusal:
        make(good, bad, kind=INVOICE)

    assert [gap.number for gap in refusal.value.gaps] == [bad.number]
    assert "The invoice is missing. Give its number or its key. Oak stool lacks the HS code." in str(refusal.value)


def test_everything_that_an_invoice_lacks_is_said_at_once():
    order = make_paid(lines=[*STOOLS, {"title": "Free sample", "unit_price": "0.00"}])
    order.lines.filter(external_id="1").update(hs_code="940360", origin_country="NZ")

    assert missing(lambda: make(order, kind=INVOICE)) == [
        ("merchant.address1", "missing"), ("invoice_number", "missing"),
        ("lines[1].hs_code", "missing"), ("lines[1].origin_country", "missing"),
        ("lines[2].hs_code", "missing"), ("lines[2].origin_country", "missing"), ("lines[2].customs_value", "missing"),
    ]  # fmt: skip


def test_an_address_that_is_not_whole_is_refused():
    order = make_paid()
    send_to(order, city="")

    assert missing(lambda: make(order)) == [("shipping_address.city", "missing")]


def test_an_order_that_was_called_off_gets_no_papers():
    assert missing(lambda: make(make_order(status=OrderStatus.CANCELLED))) == [("status", "called_off")]


def test_an_incoterm_that_does_not_exist_is_refused():
    assert missing(lambda: make(make_declared(), kind=INVOICE, incoterm="XYZ")) == [("incoterm", "unknown_incoterm")]


# --- many, by a worker ---


def promise(*orders: Order, kind: DocumentKind = SLIP, incoterm: str = "DAP") -> DocumentJob:
    return documents.promise(
        merchant=orders[0].merchant, order_ids=[order.pk for order in orders], kind=kind, incoterm=incoterm,
        by="ana", at=NOON,
    )  # fmt: skip


def test_a_worker_makes_what_was_promised():
    merchant = make_merchant()
    orders = [make_paid(merchant) for _ in range(3)]
    job = promise(*orders)

    drain()

    job.refresh_from_db()
    assert (job.status, job.refusal) == (JobStatus.DONE, "")
    assert len(pages(bytes(job.content))) == 3
    assert OutboxMessage.objects.get().status == OutboxStatus.DONE


def test_a_gap_found_by_the_worker_is_written_down():
    order = make_paid()
    job = promise(order, kind=INVOICE)

    drain()

    job.refresh_from_db()
    assert job.status == JobStatus.REFUSED
    assert job.refusal.startswith(f"{order.number}: Your own address is missing")


def test_another_merchants_orders_are_none():
    with pytest.raises(OrderError, match="No order was chosen"):
        documents.promise(
            merchant=make_merchant(), order_ids=[make_paid().pk], kind=SLIP, incoterm="DAP", by="ana", at=NOON
        )


def test_too_many_orders_are_refused(monkeypatch: pytest.MonkeyPatch):
    merchant = make_merchant()
    monkeypatch.setattr(documents, "MOST_ORDERS", 1)

    with pytest.raises(OrderError, match="1 orders at the most"):
        promise(make_paid(merchant), make_paid(merchant))


def test_papers_of_a_customer_who_is_forgotten_are_forgotten_too():
    order = make_paid()
    promise(order)

    privacy.remove_personal_data(order_id=order.pk, by="Shopify", at=NOON)
    drain()

    assert not DocumentJob.objects.exists()
    assert OutboxMessage.objects.get(topic="make_documents").status == OutboxStatus.DONE


def test_documents_are_kept_for_a_week():
    promise(make_paid())

    clock.prune(at=NOON + timedelta(days=6))
    kept = DocumentJob.objects.count()
    clock.prune(at=NOON + timedelta(days=8))

    assert (kept, DocumentJob.objects.count()) == (1, 0)


# --- customs data ---


def save(order: Order, **given: Any) -> Order:
    return customs_data.save(order_id=order.pk, given=given, by="ana", at=NOON)


def test_customs_data_is_filled_in_and_stands_in_the_history():
    order = make_paid()

    save(order, invoice_number="INV-1", lines=[{"id": "1", "hs_code": "9403.60", "customs_value": "24.00"}])

    line = order.lines.get(external_id="1")
    order.refresh_from_db()
    assert (order.invoice_number, line.hs_code, str(line.customs_value)) == ("INV-1", "940360", "24.0000")
    [text] = order.events.filter(kind="order.customs").values_list("text", flat=True)
    assert (
        text
        == "ana changed the customs data: invoice number INV-1, HS code of Oak stool 940360, customs value of Oak stool 24.00."
    )


def test_an_empty_text_takes_a_value_away_and_what_is_left_out_stays():
    order = make_declared()

    save(order, lines=[{"id": "1", "customs_value": "", "hs_code": ""}])

    line = order.lines.get(external_id="1")
    order.refresh_from_db()
    assert (order.invoice_number, line.hs_code, line.customs_value, line.origin_country) == ("INV-1001", "", None, "NZ")


def test_saving_the_same_again_leaves_no_line_in_the_history():
    order = make_declared()

    save(order, invoice_number="INV-1001")

    assert not order.events.filter(kind="order.customs").exists()


def test_every_wrong_value_is_named_with_its_field():
    with pytest.raises(InvalidShipment) as refusal:
        save(make_paid(), lines=[{"id": "1", "hs_code": "12", "origin_country": "ZZ"}, {"id": "9"}])

    assert [(problem.field, problem.code) for problem in refusal.value.problems] == [
        ("lines[0].hs_code", "not_an_hs_code"), ("lines[0].origin_country", "unknown_country"),
        ("lines[1].id", "unknown_line"),
    ]  # fmt: skip
