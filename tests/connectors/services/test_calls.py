"""The log of calls: narrowed and paged by key."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from connectors.http import CallRecord
from connectors.models import CallLog, Connection
from connectors.services import calls
from connectors.services.calls import Wanted
from tests.connectors.views.pages import logged
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Pacific/Auckland")


@pytest.fixture
def shop() -> Connection:
    return make_connection()


def found(shop: Connection, **query: str) -> list[str]:
    return [call.operation for call in calls.page(shop, Wanted.from_query(query, zone=ZONE)).calls]


@pytest.fixture
def log(shop: Connection) -> None:
    logged(shop, operation="order_create", status=200)
    logged(shop, operation="order_read", status=404, outcome="RejectedError", at=NOON + timedelta(hours=1))
    logged(shop, operation="shop_info", status=503, outcome="RetryableError", at=NOON + timedelta(hours=2))
    logged(shop, operation="orders_search", status=None, outcome="RetryableError", at=NOON + timedelta(hours=3))
    logged(make_connection(), operation="foreign")


def test_a_refusal_that_the_driver_read_by_itself_did_not_go_well(shop: Connection):
    call = logged(shop, operation="shop_info", status=401, outcome="ok")

    assert (call.said, found(shop, answer="failed"), found(shop, answer="ok")) == ("refused", ["shop_info"], [])


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "operations"),
    [
        ({}, ["orders_search", "shop_info", "order_read", "order_create"]),
        ({"operation": "ORDER_"}, ["order_read", "order_create"]),
        ({"operation": "%"}, []),
        ({"answer": "ok"}, ["order_create"]),
        ({"answer": "failed"}, ["orders_search", "shop_info", "order_read"]),
        ({"answer": "refused"}, ["order_read"]),
        ({"answer": "broken"}, ["shop_info"]),
        ({"answer": "none"}, ["orders_search"]),
        ({"answer": "404"}, ["order_read"]),
        ({"since": "2026-11-24T03:00"}, ["orders_search", "shop_info"]),  # 14:00 UTC in Auckland's summer
        ({"until": "2026-11-23T13:00:00+00:00"}, ["order_read", "order_create"]),
    ],
)
def test_calls_are_found_by_name_answer_and_time(shop: Connection, query: dict, operations: list):
    assert found(shop, **query) == operations


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "query",
    [
        {"answer": "<b>"}, {"answer": "999"}, {"since": "soon"}, {"since": "2026-13-45T99:99"}, {"before": "x"},
        {"until": "0001-01-01T00:00"}, {"before": "9" * 30}, {"before": "-1"}, {"before": "²"}, {"operation": "\x00"},
    ],
)  # fmt: skip
def test_whatever_makes_no_sense_is_left_out(shop: Connection, query: dict):
    assert len(found(shop, **query)) == 4


def test_pages_by_key_show_every_call_once(shop: Connection, monkeypatch):
    monkeypatch.setattr(calls, "PAGE", 2)
    made = [logged(shop, at=NOON + timedelta(minutes=n // 3)).pk for n in range(7)]
    seen, key = [], 0
    while True:
        page = calls.page(shop, Wanted(before=key))
        seen += [call.pk for call in page.calls]
        key = page.next_key
        if not key:
            break

    assert seen == sorted(made, key=lambda pk: (made.index(pk) // 3, pk), reverse=True)


def made(**fields: object) -> CallRecord:
    given: dict = {"method": "POST", "url": "https://kauri.example/", "operation": "order_read", "status": 200}
    return CallRecord(**{"at": NOON, "outcome": "ok", "request_id": "r-1", "duration_ms": 12, **given, **fields})


def test_a_call_is_written_as_it_is_made(shop: Connection):
    calls.Log(shop.pk)(made())

    row = CallLog.objects.get()
    assert (row.connection_id, row.at, row.operation, row.status, row.duration_ms) == (
        shop.pk,
        NOON,
        "order_read",
        200,
        12,
    )


def test_a_held_call_is_written_by_whoever_gets_it(shop: Connection):
    with calls.held() as kept:
        calls.Log(shop.pk)(made())
    assert not CallLog.objects.exists()

    calls.add(kept)

    assert CallLog.objects.get().operation == "order_read"


def test_held_calls_are_written_when_what_they_were_for_fails(shop: Connection):
    def fails() -> None:
        with calls.held():
            calls.Log(shop.pk)(made())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()

    assert CallLog.objects.get().operation == "order_read"


def test_calls_that_cannot_be_written_do_not_keep_the_rest_from_being_written(shop: Connection, caplog):
    with transaction.atomic():
        calls.add([CallLog(connection=shop, at=NOON, method="GET", url="", outcome="ok", duration_ms=-1)])
        Connection.objects.filter(pk=shop.pk).update(name="Rimu")

    assert (CallLog.objects.count(), Connection.objects.get(pk=shop.pk).name) == (0, "Rimu")
    assert "calls not logged" in caplog.text
