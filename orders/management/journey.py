"""The main job, watched from outside: an order goes in over the API and is followed until the customer is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.http import Answer, HttpClient
from connectors.money import Money
from connectors.practice import services as practice
from connectors.practice.models import PracticeMail, PracticeOrder

PATIENCE_S = 40.0


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
        order = self.reach_the_store(order)
        self.fulfill(order, parcels=parcels)

    def arrive(self, body: dict[str, Any]) -> dict[str, Any]:
        order = self.portal.place(body)
        self._line("arrived", f"{order['headline'].replace('_', ' ')}, {order['total']} {order['currency']}")
        order = self.portal.until(order, "preflight", lambda found: not _is_unchecked(found))
        push = order["pushes"][0]
        if push["blockers"]:
            raise StepFailed(f"{push['destination']} would refuse it: {push['blockers'][0]['message']}")
        self._line("preflight", f"{push['destination']} will take it")
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

    def reach_the_store(self, order: dict[str, Any]) -> dict[str, Any]:
        order = self.portal.until(order, "created", lambda found: found["pushes"][0]["read_back_at"] is not None)
        push = order["pushes"][0]
        copies = list(PracticeOrder.objects.filter(source_identifier=push["reference"]))
        if len(copies) != 1:
            raise StepFailed(f"the store has {len(copies)} orders with reference {push['reference']}")
        self._line("created as", f"{push['remote_name']}, once")
        if copies[0].total != Decimal(order["total"]) or push["status"] != "pushed":
            raise StepFailed(f"the store's own total is {copies[0].total}, paid were {order['total']}")
        self._line("read back", f"{Money(copies[0].total, order['currency'])}, equal")
        return order

    def fulfill(self, order: dict[str, Any], *, parcels: int) -> None:
        push = order["pushes"][0]
        there = PracticeOrder.objects.get(source_identifier=push["reference"])
        pickup = order["delivery"] == "pickup"
        numbers = [] if pickup else [f"{order['number']}-{n}" for n in range(1, parcels + 1)]
        tracking = [
            {"number": number, "company": "Courier Post", "url": f"https://track.example/{number}"}
            for number in numbers
        ]
        practice.fulfill(order_id=there.pk, quantities=None, parcels=tracking)
        self.portal.until(order, "fulfilled", lambda found: found["status"] == "completed")
        self._line("fulfilled", f"parcels: {', '.join(numbers)}" if numbers else f"ready at {order['pickup_name']}")
        words = numbers or [order["pickup_name"]]
        self._await_mails(order["customer_email"], order["number"], words)
        self._line("e-mail", f"to {order['customer_email']}, naming {' and '.join(words)}")

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


def _where(order: dict[str, Any]) -> str:
    pushes = ", ".join(f"{push['destination']} {push['status']} {push['reason']}" for push in order["pushes"])
    return f"{order['headline']}, payment {order['payment_status']}; {pushes}"
