"""The main job, watched from outside: an order goes in over the API and is followed until the customer is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from connectors.http import Answer, HttpClient
from connectors.models import Connection
from connectors.money import Money
from connectors.practice import services as practice
from connectors.practice.filedrop import inbox
from connectors.practice.models import PracticeMail, PracticeOrder, PracticeShop
from connectors.registry import connector_class
from connectors.services import desk, desk_folder
from connectors.services import practice as practice_choices

PATIENCE_S = 120.0


class StepFailed(Exception):
    """A step of the journey did not end as it should."""


@dataclass(frozen=True)
class Portal:
    """A running portal as its integrations see it."""

    base_url: str
    marketplace_key: str
    merchant_keys: dict[str, str]  # slug -> key

    def call(self, method: str, path: str, key: str, body: Any = None) -> dict[str, Any]:
        """One API call. Raises StepFailed with the problem's words when it is refused."""
        answer = self.send(method, path, key, body)
        content: dict[str, Any] = answer.json()
        if answer.status >= 400:
            raise StepFailed(f"{method} {path} was refused: {content}")
        return content

    def send(self, method: str, path: str, key: str, body: Any = None) -> Answer:
        client = HttpClient(allow_loopback=True)
        url = f"{self.base_url}/api/v1/{path}"
        return client.request(
            method, url, headers={"Authorization": f"Bearer {key}"}, json=body, changes=method != "GET"
        )

    def place(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.call("POST", "orders/", self.marketplace_key, body)

    def act(self, order: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
        """confirm, decline, cancel or check, as the order's merchant."""
        return self.call("POST", f"orders/{order['id']}/{action}/", self.merchant_keys[order["merchant"]], body)

    def read(self, order: dict[str, Any]) -> dict[str, Any]:
        return self.call("GET", f"orders/{order['id']}/", self.merchant_keys[order["merchant"]])

    def until(self, order: dict[str, Any], what: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read the order until something holds. Raises StepFailed after PATIENCE_S seconds."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = self.read(order)
            if holds(found):
                return found
            if time.monotonic() > deadline:
                raise StepFailed(f"{what}: not within {PATIENCE_S:.0f} s. It stands at {_where(found)}.")
            time.sleep(0.1)


@dataclass
class Journey:
    """One order's way, told a line per step."""

    portal: Portal
    say: Callable[[str], object]

    def run(self, body: dict[str, Any], *, parcels: int = 1) -> None:
        """From the API to the customer's mailbox. Raises StepFailed."""
        self.say(f"{body['number']}  {body['currency']} {body['total']}  {body['customer']['name']}")
        order = self.arrive(body)
        order = self.confirm(order)
        order = self.reach_the_stores(order)
        self.fulfill(order, parcels=parcels)

    def arrive(self, body: dict[str, Any]) -> dict[str, Any]:
        order = self.portal.place(body)
        self._line("arrived", f"{order['headline'].replace('_', ' ')}, {order['total']} {order['currency']}")
        order = self.portal.until(order, "preflight", lambda found: not _is_unchecked(found))
        for push in order["pushes"]:
            if push["blockers"]:
                raise StepFailed(f"{push['destination']} would refuse it: {push['blockers'][0]['message']}")
            self._line("preflight", f"{push['destination']} will take {_part(order, push)}")
        return order

    def confirm(self, order: dict[str, Any]) -> dict[str, Any]:
        order = self.portal.act(order, "confirm")
        self._line("confirmed", f"by {order['decided_by']}")
        order = self.portal.until(order, "captured", lambda found: found["payment"]["status"] == "captured")
        captured = order["payment"]["captured"]
        if Decimal(captured) != Decimal(order["total"]):
            raise StepFailed(f"{captured} was captured instead of {order['total']}")
        self._line("captured", f"{captured} {order['currency']}")
        return order

    def reach_the_stores(self, order: dict[str, Any]) -> dict[str, Any]:
        order = self.portal.until(order, "created", _is_read_back)
        for push in order["pushes"]:
            there = _copy(push)
            self._line("created as", f"{push['remote_name']} in {push['destination']}, once")
            self._line("read back", _compared(push, there))
        return order

    def fulfill(self, order: dict[str, Any], *, parcels: int) -> None:
        """Every part in turn: the order is complete with the last one, and not before."""
        pickup = order["delivery"] == "pickup"
        numbers: list[str] = []
        for push in order["pushes"]:
            self._check_not_completed(order)
            given = [] if pickup else [f"{order['number']}-{len(numbers) + n}" for n in range(1, parcels + 1)]
            self.ship(order, push, given)
            numbers += given
        self.portal.until(order, "completed", lambda found: found["status"] == "completed")
        words = numbers or [order["pickup_name"]]
        self._await_mails(order["customer_email"], order["number"], words)
        self._line("e-mail", f"to {order['customer_email']}, naming {' and '.join(words)}")

    def ship(self, order: dict[str, Any], push: dict[str, Any], numbers: list[str]) -> None:
        """What the store's staff do with their part; a store that tells of nothing is asked."""
        tracking = [
            {"number": number, "company": "Courier Post", "url": f"https://track.example/{number}"}
            for number in numbers
        ]
        practice.fulfill(order_id=_copy(push).pk, quantities=None, parcels=tracking)
        how = _hear_of_it(_connection(push))
        self.portal.until(order, "fulfilled", lambda found: _is_fulfilled(found, push))
        what = f"parcels: {', '.join(numbers)}" if numbers else f"ready at {order['pickup_name']}"
        self._line("fulfilled", f"{what}{how}")

    def _check_not_completed(self, order: dict[str, Any]) -> None:
        if self.portal.read(order)["status"] == "completed":
            raise StepFailed("it is completed before every part was sent")

    def _await_mails(self, address: str, number: str, words: list[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            mails = [mail.text for mail in PracticeMail.objects.filter(to__contains=address) if number in mail.text]
            if all(any(word in mail for mail in mails) for word in words):
                return
            if time.monotonic() > deadline:
                raise StepFailed(f"no mail to {address} names {', '.join(words)}")
            time.sleep(0.1)

    def _line(self, step: str, what: str) -> None:
        self.say(f"  {step:<11} {what}")


def _is_unchecked(order: dict[str, Any]) -> bool:
    return any(push["checked_at"] is None for push in order["pushes"])


def _is_read_back(order: dict[str, Any]) -> bool:
    return all(push["read_back_at"] is not None for push in order["pushes"])


def _is_fulfilled(order: dict[str, Any], push: dict[str, Any]) -> bool:
    part = {line["id"] for line in push["lines"]}
    return all(line["fulfilled_quantity"] == line["quantity"] for line in order["lines"] if line["id"] in part)


def _part(order: dict[str, Any], push: dict[str, Any]) -> str:
    whole = len(push["lines"]) == len(order["lines"])
    return "it" if whole else f"{len(push['lines'])} of {len(order['lines'])} lines, {push['total']}"


def _connection(push: dict[str, Any]) -> Connection:
    """The partner's own, where the destination stands for a partner's store."""
    row = Connection.objects.select_related("source").get(public_id=push["destination_id"])
    return row.source or row


def _copy(push: dict[str, Any]) -> PracticeOrder:
    """The destination's own row. Raises StepFailed unless there is exactly one with our reference."""
    copies = list(_shop(_connection(push)).orders.filter(source_identifier=push["reference"]))
    if len(copies) != 1:
        raise StepFailed(f"{push['destination']} has {len(copies)} orders with reference {push['reference']}")
    return copies[0]


def _shop(connection: Connection) -> PracticeShop:
    shops = PracticeShop.objects.filter(platform=connection.platform)
    return next(shop for shop in shops if practice_choices.address(shop) == connection.base_url)


def _compared(push: dict[str, Any], there: PracticeOrder) -> str:
    """What the destination's own total says. Raises StepFailed when a store has another than was paid for its part."""
    figure = Money(there.total, there.currency)
    if push["status"] != "pushed":
        raise StepFailed(f"{push['destination']} has it, but: {push['reason']}")
    if not connector_class(push["platform"]).capabilities.compares_totals:
        return f"it costs {figure} there"
    if there.total != Decimal(push["total"]):
        raise StepFailed(f"{push['destination']} has {figure} as its total, paid were {push['total']}")
    return f"{figure}, equal"


def _hear_of_it(connection: Connection) -> str:
    """How the portal learns what was sent: told by webhook, by asking, or by the file that the supplier's office sends."""
    offers = connector_class(connection.platform).capabilities
    if offers.folders:
        _fetch_files(connection)
        return ", by a file in the supplier's folder"
    if offers.desk:
        desk.take_tracking(
            connection_id=connection.pk, body=inbox.tracking(_shop(connection)).encode(), by="demo", at=timezone.now()
        )
        return ", by the supplier's tracking file"
    if connection.webhook_topics:
        return ""
    _poll_now(connection)
    return ", found by asking"


def _fetch_files(connection: Connection) -> None:
    """A file is read when it has been the same for a while: here that while is over at once."""
    _poll_now(connection)
    new = connection.tracking_files.filter(read_at=None)
    deadline = time.monotonic() + PATIENCE_S
    while not new.exists():
        if time.monotonic() > deadline:
            raise StepFailed(f"{connection.name}: its tracking file was not seen")
        time.sleep(0.1)
    new.update(seen_at=F("seen_at") - desk_folder.SETTLES)
    _poll_now(connection)


def _poll_now(connection: Connection) -> None:
    """The worker asks a store that sends no webhooks at once, instead of a few minutes later."""
    Connection.objects.filter(pk=connection.pk).update(polled_at=None)
    async_task("orders.tasks.poll_changes")


def _where(order: dict[str, Any]) -> str:
    pushes = ", ".join(f"{push['destination']} {push['status']} {push['reason']}" for push in order["pushes"])
    return f"{order['headline']}, payment {order['payment_status']}; {pushes}"
