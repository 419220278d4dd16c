"""One purchase order arrives once: whatever breaks, whoever stops, whoever comes back late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from connectors.base import BlockerCode
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.models import PurchaseOrder, PurchaseState
from connectors.practice import dials
from connectors.practice.filedrop_sftp import files
from connectors.practice.models import PracticeOrder
from connectors.services import desk, desk_folder
from connectors.services.desk import BookDesk
from tests.connectors.contract import an_hour_ago
from tests.connectors.sftp_server import driver_of, purchase
from tests.factories import NOON

PATH = "/orders/PO-SW-1.csv"


class Stopped(BaseException):
    """The process was killed here."""


class Stopping(BookDesk):
    """A desk whose process is killed before, or after, one of its entries."""

    def __init__(self, connection_id: int, where: str) -> None:
        super().__init__(connection_id)
        self.where = where

    def begin(self, file):
        self._stop_at("before begin")
        ticket = super().begin(file)
        self._stop_at("after begin")
        return ticket

    def name_it(self, ticket):
        self._stop_at("before name")
        super().name_it(ticket)
        self._stop_at("after name")

    def end(self, ticket, *, arrived):
        self._stop_at("before end")
        super().end(ticket, arrived=arrived)

    def _stop_at(self, where: str) -> None:
        if self.where == where:
            raise Stopped


class Meanwhile(BookDesk):
    """A desk whose process stands still before or after the file gets its name, while others go on."""

    def __init__(self, connection_id: int, where: str, others) -> None:
        super().__init__(connection_id)
        self.where = where
        self.others = others

    def name_it(self, ticket):
        if self.where == "before":
            self.others()
        super().name_it(ticket)
        if self.where == "after":
            self.others()


def a_minute_later() -> None:
    PurchaseOrder.objects.update(updated_at=F("updated_at") - timedelta(seconds=61))


def orders() -> list[str]:
    return list(PracticeOrder.objects.values_list("source_identifier", flat=True))


@pytest.mark.parametrize("where", ["before begin", "after begin", "before name", "after name", "before end"])
def test_a_process_that_was_killed_anywhere_leaves_one_order(row, driver, where):
    order = purchase()
    with pytest.raises(Stopped):
        driver_of(row, desk=Stopping(row.pk, where)).create(order)
    a_minute_later()

    if not driver.find(order.reference, since=an_hour_ago()):
        driver.create(order)

    assert orders() == ["SW-1"]
    assert PurchaseOrder.objects.get().state == PurchaseState.SENT
    assert driver.find(order.reference, since=an_hour_ago())


@pytest.mark.parametrize("where", ["before begin", "after begin", "before name", "after name", "before end"])
def test_after_it_the_folder_holds_the_order_and_nothing_else(row, driver, mill, where):
    with pytest.raises(Stopped):
        driver_of(row, desk=Stopping(row.pk, where)).create(purchase())
    a_minute_later()

    driver.create(purchase())

    assert [file.path for file in mill.files.order_by("path")] == [PATH]


def test_an_upload_that_may_still_run_is_not_begun_again(row, driver, monkeypatch):
    monkeypatch.setattr(desk_folder, "UPLOAD_ENDS", timedelta(hours=1))  # however slow this machine is
    with pytest.raises(Stopped):
        driver_of(row, desk=Stopping(row.pk, "after begin")).create(purchase())

    with pytest.raises(RetryableError, match="right now"):
        driver.create(purchase())


def test_one_who_was_late_before_the_name_gives_none(row, driver):
    def others() -> None:
        a_minute_later()
        driver.create(purchase())

    with pytest.raises(RetryableError, match="taken over"):
        driver_of(row, desk=Meanwhile(row.pk, "before", others)).create(purchase())

    assert (orders(), PurchaseOrder.objects.get().state) == (["SW-1"], PurchaseState.SENT)


def test_one_who_was_late_after_the_name_finds_nothing_to_give_it_to(row, driver):
    def others() -> None:
        driver.create(purchase())

    with pytest.raises(RetryableError) as caught:
        driver_of(row, desk=Meanwhile(row.pk, "after", others)).create(purchase())

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert (orders(), PurchaseOrder.objects.get().state) == (["SW-1"], PurchaseState.SENT)


def test_a_lost_answer_is_found_in_the_folder(driver, mill):
    dials.turn(mill.pk, "lost_answer", left=1)
    with pytest.raises(OutcomeUnknownError):
        driver.create(purchase())

    (found,) = driver.find("SW-1", since=an_hour_ago())

    assert (found.remote_id, PurchaseOrder.objects.get().state) == ("SW-1", PurchaseState.SENT)


@pytest.mark.parametrize(("arrived", "times"), [(True, 1), (False, 1)])
def test_a_file_that_was_taken_away_after_a_lost_answer_is_for_a_person_to_ask_about(driver, mill, arrived, times):
    dials.turn(mill.pk, "lost_answer", left=1)
    dials.turn(mill.pk, "takes_away", left=2)
    with pytest.raises(OutcomeUnknownError):
        driver.create(purchase())

    assert driver.find("SW-1", since=an_hour_ago()) == ()
    with pytest.raises(RejectedError, match="Ask the supplier") as caught:
        driver.create(purchase())
    assert [blocker.code for blocker in caught.value.blockers] == [BlockerCode.OUTCOME_UNKNOWN]
    desk.settle(order_id=PurchaseOrder.objects.get().pk, arrived=arrived, by="ana", at=NOON)
    driver.create(purchase())

    assert len(orders()) == times  # the office throws away a number that it has seen
    assert PurchaseOrder.objects.get().state == PurchaseState.SENT


def test_what_was_told_to_have_arrived_is_believed_when_it_is_taken_away(driver, mill):
    dials.turn(mill.pk, "takes_away", left=1)
    first = driver.create(purchase())

    assert driver.create(purchase()) == first
    assert driver.find("SW-1", since=an_hour_ago()) == (first,)
    assert orders() == ["SW-1"]


def test_another_file_of_that_name_is_never_written_over(driver, mill):
    files.put(mill, PATH, b"theirs")

    assert driver.find("SW-1", since=an_hour_ago()) == ()
    with pytest.raises(RejectedError, match="holds something else") as caught:
        driver.create(purchase())

    assert [blocker.code for blocker in caught.value.blockers] == [BlockerCode.ALREADY_AT_DESTINATION]
    assert bytes(files.get(mill, PATH).body) == b"theirs"


def test_an_order_of_which_the_book_knows_nothing_is_taken_over_from_the_folder(driver):
    driver.create(purchase())
    PurchaseOrder.objects.all().delete()

    assert driver.find("SW-1", since=an_hour_ago())

    again = PurchaseOrder.objects.get()
    assert (again.state, again.units) == (PurchaseState.SENT, [["STOOL", 2]])


def test_the_supplier_holds_the_very_bytes_that_were_previewed(driver, mill):
    (call,) = driver.calls_for(purchase())

    driver.create(purchase())

    assert (call.method, call.path) == ("SFTP", PATH)
    assert bytes(files.get(mill, PATH).body) == call.body
