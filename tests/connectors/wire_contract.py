"""What every driver makes of what comes over the wire, whatever stands behind it. Needs no store: a script answers.

A platform's tests inherit WireContract and bring `wired`. What each error class promises: connectors/errors.py.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Account, Connector, OutboundOrder
from connectors.errors import (
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    HostRefusedError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import HttpClient
from tests.connectors.raw_server import (
    PATIENCE_S,
    RawServer,
    Script,
    answer,
    certificate,
    dribble,
    raw,
    refusing,
    serving,
    silent,
)
from tests.connectors.secrecy import Told, assert_silent, secrets_of

DEADLINE_S = 30.0
HASTY_S, SENT_S = 0.25, 2.0  # where no end comes; the second is long enough to have sent an order
HELLO = "/hello"  # opens the connection
MAX_BYTES = 20_000
SINCE = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Wired:
    """A driver without a store: what it asks for, and how its platform words a refusal."""

    connector: type[Connector]
    account: Account
    order: OutboundOrder
    remote_id: str
    variant_id: str
    words: Mapping[int, Any]  # status -> the JSON of a documented refusal: 401, 403, 404, 422
    public: Mapping[str, Any] = field(default_factory=dict)  # path -> JSON that anybody gets, whatever is wrong

    def script(self, server: Callable[[], RawServer], script: Script) -> Script:
        """The script, except at public paths."""

        def speak(sock: socket.socket) -> None:
            path = server().requests[-1].split(b" ", 2)[1].decode().partition("?")[0]
            known = {HELLO: {}, **self.public}.get(path)
            (script if known is None else answer(json.dumps(known).encode()))(sock)

        return speak

    def refusal(self, status: int, headers: str = "") -> Script:
        body = json.dumps(self.words.get(status, {})).encode()
        return answer(body, status=f"{status} No", headers=f"Content-Type: application/json\r\n{headers}")


Verb = Callable[[Connector, Wired], object]

READS: Mapping[str, Verb] = {
    "check": lambda driver, wired: driver.check(),
    "find_variants": lambda driver, wired: driver.find_variants(["STOOL"]),
    "read_variants": lambda driver, wired: driver.read_variants([wired.variant_id]),
    "find": lambda driver, wired: driver.find(wired.order.reference, since=SINCE),
    "read": lambda driver, wired: driver.read(wired.remote_id),
    "changed_since": lambda driver, wired: list(driver.changed_since(SINCE)),
}


def create(driver: Connector, wired: Wired) -> object:
    return driver.create(wired.order)


PAGE = b"<!doctype html><title>Please sign in</title>"
HTML = "Content-Type: text/html; charset=utf-8\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LOST: Mapping[str, Script] = {
    "status 500": answer(b"Internal Server Error", status="500 Internal Server Error", headers=HTML),
    "status 502": answer(b"Bad Gateway", status="502 Bad Gateway", headers=HTML),
    "status 503": answer(b"{}", status="503 Service Unavailable"),
    "status 504": answer(b"", status="504 Gateway Time-out", headers=HTML),
    "a web page": answer(PAGE, headers=HTML),
    "a web page that says it is JSON": answer(PAGE),
    "less than was announced": raw(OK + b"Content-Length: 500\r\n\r\n" + b'{"data": {'),
    "half of its JSON": answer(b'{"data": {"orders": [{"id": 1, "na'),
    "no JSON of ours": answer(b"null"),
    "a text": answer(b'"ok"'),
    "an empty object": answer(b"{}"),
    "a reset": raw(b"", reset=True),
    "a hang-up": raw(b""),
    "nothing": silent,
    "a dribble": dribble(OK + b"Content-Length: 90000\r\n\r\n", b" ", every_s=0.02),
    "too much": answer(b'{"data": "' + b"x" * MAX_BYTES + b'"}'),
    "no HTTP": raw(b"220 mail.example ESMTP\r\n"),
}
ENDLESS = ("nothing", "a dribble")


class WireContract:
    """Faults of networks, hosts and firewalls, and refusals by status."""

    @pytest.fixture
    def wired(self) -> Wired:
        raise NotImplementedError

    @pytest.fixture
    def told(self, wired: Wired, caplog: pytest.LogCaptureFixture) -> Iterator[Told]:
        """Looked through for secrets when the test is over."""
        caplog.set_level("DEBUG")
        told = Told()
        yield told
        assert told.calls
        words = told.words(caplog.get_records("call"))
        assert_silent(words, secrets_of(wired.account, wired.connector.platform))

    # --- faults: what may have been done, was perhaps done ---

    @pytest.mark.parametrize("fault", LOST)
    def test_a_read_that_fails_can_be_tried_again(self, wired: Wired, told: Told, fault: str):
        with speaking(wired, LOST[fault], told, deadline_s=HASTY_S if fault in ENDLESS else DEADLINE_S) as (driver, _):
            for name, verb in READS.items():
                with told.refusal(RetryableError) as caught:
                    verb(driver, wired)
                assert not isinstance(caught.value, OutcomeUnknownError), name

    @pytest.mark.parametrize("fault", LOST)
    def test_an_order_that_is_not_answered_may_have_been_created(self, wired: Wired, told: Told, fault: str):
        deadline_s = SENT_S if fault in ENDLESS else DEADLINE_S
        with speaking(wired, LOST[fault], told, deadline_s=deadline_s) as (driver, server):
            with told.refusal(OutcomeUnknownError):
                driver.create(wired.order)

            server.heard.wait(PATIENCE_S)  # on a busy machine it may be read after we gave up
        assert len(server.requests) == 1  # never again by itself

    def test_a_redirect_is_not_followed(self, wired: Wired, told: Told):
        with serving(answer()) as elsewhere:
            for status in (301, 302, 303, 307, 308):
                moved = answer(b"", status=f"{status} Moved", headers=f"Location: {elsewhere.url()}\r\n")
                with speaking(wired, moved, told) as (driver, _):
                    with told.refusal(OutcomeUnknownError):
                        driver.create(wired.order)
                    for verb in READS.values():
                        with told.refusal(RetryableError):
                            verb(driver, wired)

            assert elsewhere.connections == 0

    @pytest.mark.parametrize("vouched_for", [True, False])
    def test_nothing_is_sent_to_a_server_that_cannot_prove_its_name(
        self, wired: Wired, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vouched_for: bool
    ):
        tls = certificate(tmp_path, "kauri.example" if vouched_for else "127.0.0.1")
        if vouched_for:
            monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "cert.pem"))
        with speaking(wired, answer(), told, tls=tls) as (driver, server):
            for verb in (create, *READS.values()):
                with told.refusal(RetryableError) as caught:
                    verb(driver, wired)
                assert not isinstance(caught.value, OutcomeUnknownError)

            assert server.requests == []

    def test_a_store_that_is_not_there_was_not_sent_anything(self, wired: Wired, told: Told):
        with refusing() as port, closing(client(told)) as http:
            driver = wired.connector(replace(wired.account, base_url=f"http://127.0.0.1:{port}"), http)
            for verb in (create, *READS.values()):
                with told.refusal(RetryableError) as caught:
                    verb(driver, wired)
                assert not isinstance(caught.value, OutcomeUnknownError)

    def test_a_slow_store_is_given_up_within_the_deadline(self, wired: Wired, told: Told):
        with speaking(wired, silent, told, deadline_s=SENT_S) as (driver, _):
            began = time.monotonic()
            with told.refusal(OutcomeUnknownError):
                driver.create(wired.order)

            assert time.monotonic() - began < PATIENCE_S / 2

    # --- refusals: a definite no ---

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_key_that_is_not_accepted_is_the_merchants_to_mend(self, wired: Wired, told: Told, status: int):
        with speaking(wired, wired.refusal(status), told) as (driver, _):
            for verb in (create, *READS.values()):
                with told.refusal(CredentialsError):
                    verb(driver, wired)

    @pytest.mark.parametrize("status", [404, 422])
    def test_a_refused_order_was_certainly_not_created(self, wired: Wired, told: Told, status: int):
        with (
            speaking(wired, wired.refusal(status), told) as (driver, _),
            told.refusal(RejectedError, ConnectionGoneError) as caught,
        ):
            driver.create(wired.order)

        assert caught.value.code != "outcome_unknown"

    @pytest.mark.parametrize("status", [406, 413])
    def test_what_the_host_turns_away_says_so_and_is_not_sent_again_by_itself(
        self, wired: Wired, told: Told, status: int
    ):
        page = answer(PAGE, status=f"{status} No", headers=HTML)
        with speaking(wired, page, told) as (driver, _), told.refusal(HostRefusedError) as caught:
            driver.create(wired.order)

        assert "host refused it" in str(caught.value)

    def test_a_refused_question_is_an_error_of_ours(self, wired: Wired, told: Told):
        with speaking(wired, wired.refusal(422), told) as (driver, _):
            for verb in READS.values():
                with told.refusal(RejectedError):
                    verb(driver, wired)

    def test_a_page_that_was_not_found_is_no_proof_that_something_is_gone(self, wired: Wired, told: Told):
        with speaking(wired, answer(PAGE, status="404 Not Found", headers=HTML), told) as (driver, _):
            for verb in READS.values():
                with told.refusal(ConnectorError):
                    verb(driver, wired)

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_firewalls_page_never_passes_for_an_answer(self, wired: Wired, told: Told, status: int):
        with speaking(wired, answer(PAGE, status=f"{status} No", headers=HTML), told) as (driver, _):
            for verb in (create, *READS.values()):
                with told.refusal(CredentialsError, RetryableError):
                    verb(driver, wired)

    # --- limits ---

    @pytest.mark.parametrize(("headers", "least_s"), [("Retry-After: 90\r\n", 90), ("", 0)])
    def test_a_rate_limit_says_how_long_to_wait(self, wired: Wired, told: Told, headers: str, least_s: int):
        with speaking(wired, wired.refusal(429, headers), told) as (driver, _):
            for verb in (create, *READS.values()):
                with told.refusal(RetryableError) as caught:
                    verb(driver, wired)
                limit = caught.value
                assert (limit.throttled, limit.code, type(limit)) == (True, "rate_limited", RetryableError)
                assert (limit.after_s or 0) >= least_s

    def test_a_store_in_maintenance_says_how_long_to_wait(self, wired: Wired, told: Told):
        closed = answer(b"{}", status="503 Service Unavailable", headers="Retry-After: 600\r\n")
        with speaking(wired, closed, told) as (driver, _):
            for verb in (create, *READS.values()):
                with told.refusal(RetryableError) as caught:
                    verb(driver, wired)
                assert (caught.value.after_s, caught.value.throttled) == (600, False)

    # --- the call log ---

    def test_the_call_log_names_each_call_and_holds_no_query(self, wired: Wired, told: Told):
        with speaking(wired, wired.refusal(401), told) as (driver, _):
            for verb in (create, *READS.values()):
                with told.refusal(CredentialsError):
                    verb(driver, wired)

        assert all(call.operation and "?" not in call.url for call in told.calls)


def client(told: Told) -> HttpClient:
    return HttpClient(allow_loopback=True, deadline_s=DEADLINE_S, max_bytes=MAX_BYTES, on_call=told.calls.append)


@contextmanager
def speaking(
    wired: Wired, script: Script, told: Told, *, tls: ssl.SSLContext | None = None, deadline_s: float = DEADLINE_S
) -> Iterator[tuple[Connector, RawServer]]:
    """The driver, and a server that says the same to every question.

    Where time is short the connection is open before: what is late in connecting was not sent, which is another error.
    """
    with serving(wired.script(lambda: server, script), tls=tls) as server, closing(client(told)) as http:
        url = server.url("", scheme="https" if tls else "http")
        if deadline_s < DEADLINE_S:
            http.request("GET", f"{url}{HELLO}", operation="hello", changes=False)
            server.requests.clear()
            server.heard.clear()
            http.deadline_s = deadline_s
        yield wired.connector(replace(wired.account, base_url=url), http), server
