"""A store that takes every order after a fixed delay and costs next to nothing: it bounds what any sender can reach.

`python -m bench.store DELAY_MS` prints its port and serves Shopify's answers until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from itertools import count

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NUMBERS = count(1)
_ORDERS: dict[str, tuple[str, str, str]] = {}  # id -> reference, amount, currency
_BUDGET = {"maximumAvailable": 1e9, "currentlyAvailable": 1e9, "restoreRate": 1e6}
_AT = "2026-11-01T00:00:00Z"


class _Conversation(asyncio.Protocol):
    """One connection that stays open; a request at a time, as `requests` sends them."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        answer = json.dumps(_answer(json.loads(body))).encode()
        whole = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer
        )
        asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, whole)


def _answer(call: dict) -> dict:
    create = call["operationName"] == "OrderCreate"
    data = {"orderCreate" if create else "order": _created(call) if create else _read(call)}
    return {"data": data, "extensions": {"cost": {"requestedQueryCost": 10, "throttleStatus": _BUDGET}}}


def _created(call: dict) -> dict:
    order, number = call["variables"]["order"], next(_NUMBERS)
    money = order["transactions"][0]["amountSet"]["shopMoney"]
    remote_id = f"gid://shopify/Order/{number}"
    _ORDERS[remote_id] = (order["sourceIdentifier"], money["amount"], money["currencyCode"])
    return {"order": {"id": remote_id, **_named(remote_id)}, "userErrors": []}


def _read(call: dict) -> dict:
    remote_id = call["variables"]["id"]
    reference, amount, currency = _ORDERS[remote_id]
    paid, nothing = ({"shopMoney": {"amount": text, "currencyCode": currency}} for text in (amount, "0.0"))
    return {
        "id": remote_id,
        **_named(remote_id),
        "sourceIdentifier": reference,
        "updatedAt": _AT,
        "cancelledAt": None,
        "totalPriceSet": paid,
        "totalRefundedSet": nothing,
        "totalOutstandingSet": nothing,
        "fulfillments": [],
    }


def _named(remote_id: str) -> dict:
    number = remote_id.rpartition("/")[2]
    return {"legacyResourceId": number, "name": f"#{number}", "createdAt": _AT}


async def _serve(delay_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Conversation(delay_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
