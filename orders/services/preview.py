"""What would be sent to a destination now, call by call, and how that differs from what was sent last."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Connector, PreviewCall
from connectors.errors import ConnectorError
from connectors.models import ConnectionState
from orders.enums import OrderStatus, PushStatus
from orders.models import OrderPush
from orders.services import called_off, outbound

NOTHING = "(nothing)"
CSV = "text/csv"
_ENDED = (OrderStatus.DECLINED, OrderStatus.EXPIRED, OrderStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a body, and where it comes from; empty when the driver does not say."""

    path: str  # "order.lineItems", or the column of a file
    value: str  # JSON, indented
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    call: PreviewCall
    text: str  # the very body
    fields: tuple[Field, ...]  # empty when the body is neither a JSON object nor CSV


@dataclass(frozen=True, slots=True)
class Change:
    """One value that was another when the push was sent last; NOTHING where it was, or is, not there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    push: OrderPush
    calls: tuple[Call, ...]
    changes: tuple[Change, ...]  # empty, too, when nothing was sent yet
    not_sent: str  # why nothing will be sent as things are; empty when it will
    refusal: str = ""  # why no call can be shown


def of(push: OrderPush, connector: Connector) -> Preview:
    """The calls that `connector` would make for the push now. Asks nobody and changes nothing."""
    order = outbound.build(push)
    if not order.lines and called_off.is_over(push):
        return Preview(push, (), (), why_not_sent(push) or called_off.REASON)
    try:
        calls = connector.calls_for(order)
    except ConnectorError as error:
        return Preview(push, (), (), why_not_sent(push), str(error))
    changes = tuple(differences(push.sent_calls, kept(calls))) if push.sent_at else ()
    return Preview(push, tuple(_shown(call) for call in calls), changes, why_not_sent(push))


def why_not_sent(push: OrderPush) -> str:
    """In words for a merchant; a push that merely waits will be sent."""
    name = push.connection.name
    if push.remote_id:
        return f"{push.remote_name} is in {name} already: nothing more will be sent."
    if push.order.status in _ENDED:
        return f"The order is {push.order.get_status_display().lower()}: nothing will be sent."
    if push.connection.state == ConnectionState.REMOVED:
        return f"{name} was disconnected: nothing will be sent."
    if push.status in (PushStatus.SKIPPED, PushStatus.CANCELLED):
        return push.reason or f"This part of the order stays out of {name}."
    return ""


def kept(calls: Iterable[PreviewCall]) -> list[dict[str, Any]]:
    """What is stored of calls that are sent: no headers, since only those can hold a key."""
    return [{"method": call.method, "path": call.path, "body": _body(call)} for call in calls]


def differences(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Every value that is not the same, by its path: "0.body.order.tags.1"."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _differences(before, after, name, path)
    elif isinstance(before, list) and isinstance(after, list):
        earlier, later = dict(enumerate(before)), dict(enumerate(after))
        for index in range(max(len(before), len(after))):
            yield from _differences(earlier, later, index, path)
    elif _pretty(before) != _pretty(after):  # true is not 1
        yield Change(path, _pretty(before), _pretty(after))


def _differences(before: Mapping[Any, Any], after: Mapping[Any, Any], key: Any, path: str) -> Iterator[Change]:
    where = f"{path}.{key}" if path else str(key)
    if key in before and key in after:
        yield from differences(before[key], after[key], where)
    else:
        sides = [_pretty(side[key]) if key in side else NOTHING for side in (before, after)]
        yield Change(where, *sides)


def _shown(call: PreviewCall) -> Call:
    body, text = _body(call), call.body.decode(errors="replace")
    if isinstance(body, dict):
        fields = tuple(_fields(body, call.sources))
    else:
        fields = tuple(_columns(text, call.sources)) if call.headers.get("Content-Type") == CSV else ()
    return Call(call, text, fields)


def _body(call: PreviewCall) -> Any:
    """The body as data; one that is no JSON as its text."""
    try:
        return json.loads(call.body)
    except ValueError:
        return call.body.decode(errors="replace")


def _fields(body: Mapping[str, Any], sources: Mapping[str, Sequence[str]], above: str = "") -> Iterator[Field]:
    """The parts of a body as finely as their sources are told, in the order in which they are sent."""
    for name, value in body.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and any(known.startswith(f"{path}.") for known in sources):
            yield from _fields(value, sources, f"{path}.")
        else:
            yield Field(path, _pretty(value), tuple(sources.get(path, ())))


def _columns(text: str, sources: Mapping[str, Sequence[str]]) -> Iterator[Field]:
    """The columns of a file, each with the values that it has, once each."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = list(reader)
    for name in reader.fieldnames or ():
        values = list(dict.fromkeys(row[name] for row in rows))
        yield Field(name, _pretty(values[0] if len(values) == 1 else values), tuple(sources.get(name, ())))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
