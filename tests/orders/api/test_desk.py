"""Suppliers by e-mail and SFTP over the API: tracking in, purchase orders listed and settled."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.services import api_keys
from connectors.models import Connection, PurchaseOrder, PurchaseShipment, PurchaseState
from tests.factories import NOON, make_connection, make_merchant
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def mill(api) -> Connection:
    return make_connection(api.merchant, platform="filedrop", base_url="mailto:orders@mill.example")


def booked(connection: Connection, reference: str = "SW-1", state: str = PurchaseState.SENT) -> PurchaseOrder:
    return PurchaseOrder.objects.create(
        connection=connection, reference=reference, units=[["A", 2]], state=state, created_at=NOON, updated_at=NOON
    )


def send(api, method, connection, path="tracking-files/", body=None, *, key=None):
    return api.send(method, f"connections/{connection.public_id}/{path}", body, key=key or api.merchant_key)


def row(**fields) -> dict:
    return {"po_number": "SW-1", "sku": "A", "quantity": 1, "carrier": "UPS", "tracking_number": "1Z1", **fields}


def upload(api, connection, text: str):
    return Client().generic(
        "POST", f"/api/v1/connections/{connection.public_id}/tracking-files/", text, content_type="text/csv",
        headers={"Authorization": f"Bearer {api.merchant_key}"},
    )  # fmt: skip


def numbers() -> list[str]:
    return list(PurchaseShipment.objects.order_by("pk").values_list("tracking_number", flat=True))


def test_rows_are_taken_in_and_noted_once(api, mill):
    booked(mill)

    first = send(api, "POST", mill, body={"rows": [row(), row(tracking_number="1Z2", shipped_on="2026-11-21")]})
    again = send(api, "POST", mill, body={"rows": [row()]})

    assert (first.status_code, first.json()) == (200, {"orders": 1, "rows": 2})
    assert again.json() == {"orders": 0, "rows": 1}
    assert numbers() == ["1Z1", "1Z2"]
    assert AuditEvent.objects.filter(kind="supplier.tracking", by__startswith="API key").count() == 2


def test_a_file_is_taken_in_as_its_body(api, mill):
    booked(mill)

    answer = upload(api, mill, "po_number,sku,quantity,tracking_number\nSW-1,A,2,1Z1\n")

    assert (answer.json(), numbers()) == ({"orders": 1, "rows": 1}, ["1Z1"])


def test_one_row_that_cannot_be_taken_refuses_all_and_each_is_named(api, mill):
    booked(mill)
    rows = [row(), row(quantity="two"), row(po_number="SW-9"), row(sku="B")]

    answer = send(api, "POST", mill, body={"rows": rows})

    assert (answer.status_code, numbers()) == (422, [])
    assert [(error["field"], error["message"]) for error in answer.json()["errors"]] == [
        ("rows[1]", "The quantity must be a whole number from 1 on."),
        ("rows[2]", "This supplier has no PO SW-9."),
        ("rows[3]", "PO SW-1 has no product B."),
    ]


def test_a_file_s_rows_are_named_from_below_its_header(api, mill):
    answer = upload(api, mill, "po_number,sku,quantity\nSW-9,A,1\n")

    assert [error["field"] for error in answer.json()["errors"]] == ["rows[0]"]


@pytest.mark.parametrize("text", ["po_number\nSW-1\n", "x" * 1_000_001])
def test_a_file_that_cannot_be_read_is_refused_whole(api, mill, text):
    answer = upload(api, mill, text)

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [""])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "rows"),
        ({"rows": []}, "rows"),
        ({"rows": [1]}, "rows"),
        ({"rows": [row()], "more": 1}, "rows"),
        ({"rows": [row()] * 5001}, "rows"),
        ({"rows": [row(price=1)]}, "rows[0].price"),
        ({"rows": [row(sku=["A"])]}, "rows[0].sku"),
        ({"rows": [row(quantity=True)]}, "rows[0].quantity"),
    ],
)
def test_json_of_another_shape_is_refused(api, mill, body, field):
    booked(mill)

    answer = send(api, "POST", mill, body=body)

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert numbers() == []


def test_files_are_listed_with_their_faults_newest_first(api):
    mill = make_connection(api.merchant, platform="filedrop_sftp", base_url="sftp://mill.example:22")
    for name, faults in (("a.csv", []), ("b.csv", ["Row 2: this supplier has no PO SW-9."])):
        mill.tracking_files.create(name=name, size=1, modified_at=1, seen_at=NOON, read_at=NOON, faults=faults)

    results = send(api, "GET", mill).json()["results"]

    assert [(file["name"], file["faults"]) for file in results] == [
        ("b.csv", ["Row 2: this supplier has no PO SW-9."]),
        ("a.csv", []),
    ]


def test_purchase_orders_are_listed_and_narrowed_by_state(api, mill):
    booked(mill, "SW-1")
    booked(mill, "SW-2", PurchaseState.SENDING)

    def references(query=""):
        return [each["reference"] for each in send(api, "GET", mill, f"purchase-orders/{query}").json()["results"]]

    assert (references(), references("?state=sending")) == (["SW-2", "SW-1"], ["SW-2"])
    assert send(api, "GET", mill, "purchase-orders/?state=lost").status_code == 400
    assert send(api, "GET", mill, "purchase-orders/?status=sent").status_code == 400


@pytest.mark.parametrize(("arrived", "state"), [(True, "sent"), (False, "failed")])
def test_one_that_nobody_knows_of_is_settled_once(api, mill, arrived, state):
    booked(mill, state=PurchaseState.SENDING)

    answer = send(api, "POST", mill, "purchase-orders/SW-1/settle/", {"arrived": arrived})
    again = send(api, "POST", mill, "purchase-orders/SW-1/settle/", {"arrived": not arrived})

    assert (answer.status_code, answer.json()["state"], again.status_code) == (200, state, 409)
    assert PurchaseOrder.objects.get().state == state


def test_what_is_not_said_settles_nothing(api, mill):
    booked(mill, state=PurchaseState.SENDING)

    assert send(api, "POST", mill, "purchase-orders/SW-1/settle/", {}).status_code == 400
    assert PurchaseOrder.objects.get().state == "sending"


DOORS = [
    ("GET", "tracking-files/", None),
    ("POST", "tracking-files/", {"rows": [row()]}),
    ("GET", "purchase-orders/", None),
    ("POST", "purchase-orders/SW-1/settle/", {"arrived": True}),
]


@pytest.mark.parametrize(("method", "path", "body"), DOORS)
def test_another_merchant_s_and_a_store_do_not_exist(api, method, path, body):
    stranger = make_connection(make_merchant(), platform="filedrop", base_url="mailto:orders@mill.example")
    booked(stranger, state=PurchaseState.SENDING)
    store = make_connection(api.merchant)

    assert [send(api, method, each, path, body).status_code for each in (stranger, store)] == [404, 404]
    assert PurchaseOrder.objects.get().state == "sending"


@pytest.mark.parametrize(("method", "path", "body"), DOORS)
def test_a_key_that_only_reads_changes_nothing(api, mill, method, path, body):
    booked(mill, state=PurchaseState.SENDING)
    _, key = api_keys.issue(
        merchant=api.merchant, name="reader", can_write=False, expires_at=None, by="tests", at=timezone.now()
    )

    answer = send(api, method, mill, path, body, key=key)

    assert answer.status_code == (200 if method == "GET" else 403)
    assert (PurchaseOrder.objects.get().state, numbers()) == ("sending", [])
