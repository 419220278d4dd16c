"""One call to S&S Activewear, and what each kind of answer means. Facts and their sources: README.md beside this file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from connectors.base import Account, Budget
from connectors.errors import CredentialsError, RejectedError, RetryableError
from connectors.http import Answer, HttpClient, Outgoing, rehearse
from connectors.ssactivewear import reading, refusals

CALLS_A_MINUTE = 60
WAIT_S = 60.0  # a breach of the limit and a 503 name no wait; after a minute the count is full again

_LIST_MAX = 200  # characters: ASP.NET refuses a path of more than 260 unless it is told otherwise
_CREDENTIALS = frozenset({401, 403})
_NOT_FOUND = 404
_PLACE = ("orders", "")
_REFUSED = range(400, 500)


@dataclass(frozen=True, slots=True)
class Page:
    """What a question brought: rows with their keys in lower case, and when S&S says it was."""

    rows: list[dict[str, Any]]
    read_at: datetime | None  # by the clock of S&S, whole seconds


class SsActivewearClient:
    """Speaks to one account. `budget` is what the last answer told about the limit."""

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._base_url = account.base_url.rstrip("/")
        self._auth = (account.credentials.get("account_number", ""), account.credentials.get("api_key", ""))
        self._http = http
        self.budget: Budget | None = None

    def ask(self, *path: str, operation: str, **query: str) -> Page:
        """The rows found; none when S&S says that nothing matches."""
        answer = self._send("GET", path, query, operation=operation, changes=False)
        if answer.status == _NOT_FOUND:
            _check_nothing_matched(answer)
            return Page([], _time_of(answer))
        if answer.status in _REFUSED:
            raise RejectedError(f"S&S Activewear refused the question with status {answer.status}.")
        return Page(reading.rows(answer.json()), _time_of(answer))

    def place(self, body: Mapping[str, Any]) -> Answer:
        """Send an order. A 4xx comes back as it is: nothing was placed."""
        return self._send("POST", _PLACE, {}, json=body, operation="place_order", changes=True)

    def rehearse(self, body: Mapping[str, Any]) -> Outgoing:
        """What `place` would send for the same body."""
        return rehearse("POST", self._url(_PLACE), json=body, auth=self._auth)

    def cancel(self, order_number: str) -> Answer:
        """Ask for a cancellation. A 4xx comes back as it is: the order stands."""
        return self._send("DELETE", ("orders", order_number), {}, operation="cancel_order", changes=True)

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str],
        *,
        changes: bool,
        operation: str,
        json: Any = None,
    ) -> Answer:
        url = self._url(path)
        try:
            answer = self._http.request(
                method,
                f"{url}?{urlencode(query, safe=',')}" if query else url,
                json=json,
                auth=self._auth,
                operation=operation,
                changes=changes,
            )
        except RetryableError as error:
            error.after_s = max(error.after_s or 0.0, WAIT_S)
            self.budget = _budget("0") if error.throttled else self.budget
            raise
        self.budget = _budget(answer.headers.get("X-Rate-Limit-Remaining", "")) or self.budget
        if answer.status in _CREDENTIALS:
            raise CredentialsError("S&S Activewear does not accept the account number and API key: look at both.")
        return answer

    def _url(self, path: tuple[str, ...]) -> str:
        return "/".join([self._base_url, *(quote(part, safe=",") for part in path)])


def lists_of(identifiers: Sequence[str]) -> Iterator[str]:
    """The identifiers with commas, in portions that an address can hold."""
    wanted = ""
    for identifier in identifiers:
        if wanted and len(wanted) + len(identifier) >= _LIST_MAX:
            yield wanted
            wanted = ""
        wanted = f"{wanted},{identifier}" if wanted else identifier
    if wanted:
        yield wanted


def _check_nothing_matched(answer: Answer) -> None:
    """Raise unless S&S itself says so: an order that is there must never be taken for missing."""
    if not refusals.errors(answer):
        raise RetryableError("S&S Activewear answered with a page that was not found.", after_s=WAIT_S)


def _budget(remaining: str) -> Budget | None:
    if not (remaining.isascii() and remaining.isdigit()):
        return None
    return Budget(float(remaining), float(CALLS_A_MINUTE), CALLS_A_MINUTE / 60)


def _time_of(answer: Answer) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
