"""The pages of documents and customs data, and the same over the API."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from orders.models import DocumentJob, Order
from orders.services import documents
from tests.factories import later, make_member
from tests.orders.api.client import make_api
from tests.orders.services.printed import make_declared, pages
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import drain
from tests.orders.views.test_refunds import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def url(order: Order, kind: str = "") -> str:
    if kind:
        return reverse("orders:document", args=[order.public_id, kind])
    return reverse("orders:documents", args=[order.public_id])


def test_the_packing_slip_is_downloaded_under_the_orders_number(page: Client, merchant: Merchant):
    order = make_paid(merchant, number="AP 1/ü")

    response = page.get(url(order, "packing_slip"))

    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == 'attachment; filename="packing_slip-AP-1--.pdf"'
    assert "Packing slip" in pages(response.content)[0]


def test_the_invoice_is_made_with_the_incoterm_that_was_chosen(page: Client, merchant: Merchant):
    response = page.get(url(make_declared(merchant), "commercial_invoice"), {"incoterm": "FCA"})

    assert "FCA" in pages(response.content)[0]


def test_what_is_missing_is_listed_and_mended_on_the_same_page(page: Client, merchant: Merchant):
    order = make_declared(merchant, invoice_number="")
    before = text_of(page.get(url(order)))
    fields = {"hs_code-0": "9403.60", "origin_country-0": "NZ", "hs_code-1": "691390", "origin_country-1": "VN"}

    after = text_of(page.post(url(order), {"invoice_number": "INV-7", **fields}, follow=True))

    assert "The invoice is missing. Give its number or its key." in before
    assert 'href="#customs"' in before
    assert "Download commercial invoice" in after


def test_a_gap_sends_the_download_back_to_the_page(page: Client, merchant: Merchant):
    order = make_paid(merchant)

    response = page.get(url(order, "commercial_invoice"), follow=True)

    assert response.redirect_chain == [(url(order), 302)]
    assert "The invoice is missing. Give its number or its key." in text_of(response)


def test_a_wrong_value_is_refused_beside_its_field_and_kept(page: Client, merchant: Merchant):
    response = page.post(url(make_paid(merchant)), {"hs_code-1": "12"})

    assert response.status_code == 422
    assert "An HS code has 6 to 12 digits" in text_of(response)
    assert 'value="12"' in text_of(response)


def test_a_few_orders_are_one_pdf_at_once(page: Client, merchant: Merchant):
    orders = [make_paid(merchant) for _ in range(2)]
    chosen = {"orders": [order.public_id for order in orders]}

    asked = page.post(reverse("orders:documents_many"), chosen)
    made = page.post(reverse("orders:documents_many"), chosen | {"kind": "packing_slip", "incoterm": "DAP"})

    assert "Documents of 2 orders" in text_of(asked)
    assert len(pages(made.content)) == 2


def test_many_orders_are_made_by_a_worker(page: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(documents, "AT_ONCE", 1)
    chosen = [make_paid(merchant).public_id for _ in range(2)]

    data = {"orders": chosen, "kind": "packing_slip", "incoterm": "DAP"}
    waiting = page.post(reverse("orders:documents_many"), data, follow=True)
    drain(at=later())
    job = DocumentJob.objects.get()
    done = page.get(reverse("orders:document_job", args=[job.public_id]))
    file = page.get(reverse("orders:document_file", args=[job.public_id]))

    assert "It is being made" in text_of(waiting)
    assert "Download" in text_of(done)
    assert len(pages(file.content)) == 2


def test_a_gap_among_many_links_to_its_order(page: Client, merchant: Merchant):
    order = make_paid(merchant)
    data = {"orders": [order.public_id], "kind": "commercial_invoice", "incoterm": "DAP"}

    response = page.post(reverse("orders:documents_many"), data)

    assert response.status_code == 422
    assert url(order) in text_of(response)


def test_none_and_too_many_are_refused(page: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(documents, "MOST_ORDERS", 1)
    chosen = [make_paid(merchant).public_id for _ in range(2)]

    none = page.post(reverse("orders:documents_many"), {}, follow=True)
    many = page.post(reverse("orders:documents_many"), {"orders": chosen}, follow=True)

    assert "No order was chosen." in text_of(none)
    assert "Choose at most 1 orders." in text_of(many)


def test_a_viewer_may_print_and_not_change(client: Client, merchant: Merchant):
    client.force_login(make_member(merchant, Role.VIEWER))
    order = make_paid(merchant)

    assert client.get(url(order, "packing_slip")).status_code == 200
    assert 'id="customs"' not in text_of(client.get(url(order)))
    assert client.post(url(order), {}).status_code == 403


def test_another_merchants_papers_do_not_exist(page: Client, merchant: Merchant):
    other = make_paid()
    job = documents.promise(
        merchant=other.merchant, order_ids=[other.pk], kind="packing_slip", incoterm="DAP", by="x", at=other.placed_at
    )
    drain()

    assert [page.get(url(other, kind)).status_code for kind in ("", "packing_slip")] == [404, 404]
    names = ("orders:document_job", "orders:document_file")
    assert [page.get(reverse(name, args=[job.public_id])).status_code for name in names] == [404, 404]
    made = page.post(reverse("orders:documents_many"), {"orders": [other.public_id]}, follow=True)
    assert "No order was chosen." in text_of(made)


def test_an_unknown_kind_does_not_exist(page: Client, merchant: Merchant):
    assert page.get(url(make_paid(merchant), "poem")).status_code == 404


# --- the API ---


def test_the_api_makes_fills_in_and_refuses():
    api = make_api()
    order = make_declared(api.merchant, invoice_number="")
    path = f"orders/{order.public_id}"

    def send(method: str, rest: str, body: object = None):
        return api.send(method, f"{path}/{rest}", body, key=api.merchant_key)

    refused = send("GET", "documents/commercial_invoice/")
    wrong = send("POST", "customs/", {"lines": [{"id": "1", "hs_code": "12"}]})
    saved = send("POST", "customs/", {"invoice_number": "INV-9"})
    made = send("GET", "documents/commercial_invoice/?incoterm=FOB")

    assert (refused.status_code, refused.json()["code"]) == (422, "document_refused")
    assert [problem["field"] for problem in refused.json()["errors"]] == ["invoice_number"]
    assert [problem["field"] for problem in wrong.json()["errors"]] == ["lines[0].hs_code"]
    assert saved.status_code == 200
    assert "INV-9" in pages(made.content)[0]


def test_the_api_has_many_made_by_a_worker():
    api = make_api()
    orders = [make_paid(api.merchant).public_id for _ in range(2)]

    def send(method: str, path: str, body: object = None):
        return api.send(method, path, body, key=api.merchant_key)

    job = send("POST", "documents/", {"kind": "packing_slip", "orders": orders})
    early = send("GET", f"documents/{job.json()['id']}/file/")
    drain(at=later())
    done = send("GET", f"documents/{job.json()['id']}/").json()
    file = send("GET", f"documents/{job.json()['id']}/file/")
    strange = send("POST", "documents/", {"kind": "packing_slip", "orders": [make_paid().public_id]})

    assert (job.status_code, job.json()["file"], early.status_code) == (202, None, 404)
    assert (done["status"], done["file"].endswith("/file/")) == ("done", True)
    assert len(pages(file.content)) == 2
    assert strange.status_code == 404
