"""What a driver lets out besides its answers: errors, log records and rows of the call log."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.base import Account
from connectors.errors import ConnectorError
from connectors.http import CallRecord
from connectors.registry import form_of


@dataclass
class Told:
    """Everything that was said during a test."""

    calls: list[CallRecord] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # as text: an error itself would keep its sockets open

    def hear(self, error: BaseException) -> None:
        self.errors.append(_of_error(error))

    @contextmanager
    def refusal(self, *kinds: type[ConnectorError]) -> Iterator[pytest.ExceptionInfo[ConnectorError]]:
        """As pytest.raises; the error is looked through for secrets when the test is over."""
        with pytest.raises(kinds or ConnectorError) as caught:
            yield caught
        self.hear(caught.value)

    def words(self, records: Iterable[logging.LogRecord] = ()) -> str:
        """All of it as one text: messages, chained causes, attributes, `extra` of log records."""
        said = [*self.errors, *(repr(call) for call in self.calls)]
        return "\n".join([*said, *(f"{record.getMessage()} {record.__dict__!r}" for record in records)])


def secrets_of(account: Account, platform: str, *more: str) -> set[str]:
    """What must not be told of an account, also as it stands in an Authorization header."""
    shown = {field.name for field in form_of(platform).FIELDS if field.kind != "secret"}
    hidden = {value for name, value in account.credentials.items() if name not in shown and value}
    pairs = [":".join(account.credentials[name] for name in names) for names in _pairs(account)]
    return hidden | set(more) | {base64.b64encode(pair.encode()).decode() for pair in pairs}


def assert_silent(words: str, secrets: Iterable[str]) -> None:
    told = [secret for secret in secrets if secret in words]
    assert not told, f"{len(told)} secrets were told"


def _pairs(account: Account) -> list[tuple[str, str]]:
    names = list(account.credentials)
    return [(name, other) for name in names for other in names if name != other]


def _of_error(error: BaseException) -> str:
    chain: list[Any] = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        chain += [repr(seen), repr(getattr(seen, "__dict__", {}))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(chain)
