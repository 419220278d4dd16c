"""One exchange: what comes back, what is recorded, what an answer that is no answer becomes."""

from __future__ import annotations

import itertools
import resource
import socket
import threading
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.errors import HostRefusedError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import CallRecord, HttpClient
from tests.connectors.raw_server import PATIENCE_S, after_a_greeting, answer, dribble, raw, serving, silent

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SECRET = "shpat_canary"
DEADLINE_S = 0.5  # where the server never comes to an end
FOREVER = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PIECE = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def client(**options) -> HttpClient:
    return HttpClient(**{"allow_loopback": True, "deadline_s": 30, **options})


def most_memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_an_answer_carries_status_headers_and_json():
    with serving(answer(b'{"id": 7}', headers="Content-Type: application/json\r\nX-Cost: 3\r\n")) as server:
        got = client().request("POST", server.url(), json={"a": "b"}, changes=True)

    assert (got.status, got.headers["x-cost"], got.json()) == (200, "3", {"id": 7})
    assert server.requests[0].endswith(b'{"a": "b"}')


def test_a_status_that_the_driver_explains_is_an_answer_for_its_caller_alone():
    with serving(answer(b'{"code": "no"}', status="500 Oops")) as server:
        got = client().request("POST", server.url(), changes=True, explains=frozenset({500}))
        with pytest.raises(OutcomeUnknownError):
            client().request("POST", server.url(), changes=True)

    assert (got.status, got.json()) == (500, {"code": "no"})


def test_a_form_and_basic_auth_are_sent():
    with serving(answer()) as server:
        client().request("POST", server.url(), form={"amount": "100"}, auth=("sk", ""), changes=True)

    assert b"Authorization: Basic c2s6\r\n" in server.requests[0]
    assert server.requests[0].endswith(b"amount=100")


def test_the_connection_stays_open_between_calls():
    with serving(answer()) as server:
        http = client()
        for _ in range(3):
            http.request("GET", server.url(), changes=False)
        http.close()

    assert (len(server.requests), server.connections) == (3, 1)


def test_closing_hangs_up_although_an_error_still_holds_the_pool():
    hung_up = threading.Event()

    def page(sock: socket.socket) -> None:
        answer(b"<p>Not here</p>", headers="Content-Type: text/html\r\n")(sock)
        if sock.recv(1) == b"":
            hung_up.set()

    with serving(page) as server:
        http = client()
        with pytest.raises(RetryableError) as held:
            http.request("GET", server.url(), changes=False)
        http.close()
        seen = hung_up.wait(PATIENCE_S)

    assert (seen, held.type) == (True, RetryableError)


def test_a_call_is_recorded_without_query_or_user():
    records: list[CallRecord] = []
    with serving(answer(headers="Content-Type: application/json\r\nX-Request-Id: req-1\r\n")) as server:
        client(on_call=records.append).request("GET", server.url(f"/x?key={SECRET}"), operation="look", changes=False)

    (record,) = records
    assert (record.method, record.url, record.operation) == ("GET", server.url("/x"), "look")
    assert (record.status, record.outcome, record.request_id) == (200, "ok", "req-1")


def test_a_failed_call_is_recorded_with_the_class_of_its_error():
    records: list[CallRecord] = []
    with serving(answer(status="502 Bad Gateway")) as server, pytest.raises(OutcomeUnknownError):
        client(on_call=records.append).request("POST", server.url(), changes=True)

    assert [(record.status, record.outcome) for record in records] == [(502, "OutcomeUnknownError")]


def test_cookies_are_not_kept():
    with serving(answer(headers="Content-Type: application/json\r\nSet-Cookie: a=b\r\n")) as server:
        http = client()
        http.request("GET", server.url(), changes=False)
        http.request("GET", server.url(), changes=False)
        http.close()

    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("status", [405, 406, 411, 412, 413, 414, 415, 417, 418, 426, 428, 431, 451])
def test_a_change_that_the_host_turned_away_is_a_refusal_of_the_host(status):
    refused = answer(b"<html>", status=f"{status} No", headers="Content-Type: text/html\r\n")
    with serving(refused) as server, pytest.raises(HostRefusedError, match="The host refused it") as caught:
        client().request("POST", server.url(), json={}, changes=True)

    assert (caught.value.code, str(status) in str(caught.value)) == ("store_unreachable", True)
    assert not isinstance(caught.value, RejectedError)


@pytest.mark.parametrize(
    ("status", "changes"), [(406, False), (408, True), (421, True), (424, True), (425, True), (499, True)]
)
def test_what_may_be_asked_again_is_not_refused_for_good(status, changes):
    with serving(answer(status=f"{status} No")) as server, pytest.raises(RetryableError):
        client().request("POST", server.url(), json={}, changes=changes)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 422, 423])
def test_a_meaningful_refusal_is_an_answer_whatever_its_body(status):
    with serving(answer(b"<html>", status=f"{status} No", headers="Content-Type: text/html\r\n")) as server:
        got = client().request("POST", server.url(), changes=True)

    assert (got.status, got.body) == (status, b"<html>")


def test_an_empty_204_is_an_answer_that_holds_no_json():
    with serving(raw(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        got = client().request("POST", server.url(), changes=True)

    assert got.status == 204
    with pytest.raises(OutcomeUnknownError):
        got.json()


UNCLEAR = {
    "500": answer(b"{}", status="500 Oops"),
    "103": raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "408": answer(status="408 Timeout"),
    "301": answer(status="301 Moved", headers="Location: /x\r\n"),
    "page": answer(b"<html>Login</html>", headers="Content-Type: text/html\r\n"),
    "no content type": answer(b"{}", headers=""),
    "broken json": answer(b'{"id": 7'),
    "NaN": answer(b'{"id": NaN}'),
    "deep json": answer(b"[" * 100_000),
    "latin-1": answer('{"a": "é"}'.encode("latin-1"), headers="Content-Type: application/json; charset=latin-1\r\n"),
    "utf-16": answer('{"a": 1}'.encode("utf-16")),
    "bad gzip": answer(b"nope", headers="Content-Type: application/json\r\nContent-Encoding: gzip\r\n"),
    "truncated": raw(OK + b"Content-Length: 100\r\n\r\n{"),
    "truncated chunk": raw(FOREVER + b"64\r\n{"),
    "no answer": raw(b""),
    "no http": raw(b"SSH-2.0-OpenSSH_9\r\n"),
    "reset at once": raw(b"", reset=True),
    "reset in the head": raw(OK, reset=True),
    "reset in the body": raw(OK + b"Content-Length: 9\r\n\r\n{}", reset=True),
    "200 headers": raw(OK + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n{}"),
    "endless header line": raw(OK + b"X: " + b"y" * 200_000),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_answer_to_a_change_leaves_its_outcome_unknown(name):
    with serving(UNCLEAR[name]) as server, pytest.raises(OutcomeUnknownError):
        client().request("POST", server.url(), json={}, changes=True)


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_answer_to_a_read_may_be_asked_again(name):
    with serving(UNCLEAR[name]) as server, pytest.raises(RetryableError) as caught:
        client().request("GET", server.url(), changes=False)

    assert type(caught.value) is RetryableError


SLOW = {
    "silence": silent,
    "slow status": dribble(b"HTTP/1.1 2", b"0"),
    "slow headers": dribble(OK, b"X: y\r\n"),
    "slow continue": dribble(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "slow body": dribble(OK + b"Content-Length: 1000\r\n\r\n", b" "),
    "slow chunks": dribble(FOREVER, b"1\r\n \r\n"),
}


def hasty(url: str, **options) -> HttpClient:
    """Its connection is open before its time is short: what is late in connecting was not sent, which is another error."""
    http = client(**options)
    http.request("GET", url, changes=False)
    http.deadline_s = DEADLINE_S
    return http


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_answer_ends_at_the_deadline(name):
    took: list[CallRecord] = []
    with serving(after_a_greeting(SLOW[name])) as server:
        http = hasty(server.url(), on_call=took.append)
        with pytest.raises(OutcomeUnknownError, match="did not answer in time"):
            http.request("POST", server.url(), changes=True)

    assert DEADLINE_S * 1000 - 50 < took[1].duration_ms < PATIENCE_S / 2 * 1000


def test_a_receiver_that_reads_in_sips_ends_at_the_deadline():
    took: list[CallRecord] = []
    with serving(answer(), sips=True) as server:
        http = hasty(server.url(), on_call=took.append)
        with pytest.raises(OutcomeUnknownError, match="did not answer in time"):
            http.request("POST", server.url(), json={"a": "x" * 40_000_000}, changes=True)

    assert DEADLINE_S * 1000 - 50 < took[1].duration_ms < PATIENCE_S / 2 * 1000


def test_an_endless_body_is_cut_off():
    with (
        serving(dribble(FOREVER, PIECE, every_s=0)) as server,
        pytest.raises(OutcomeUnknownError, match="more than 100000"),
    ):
        client(max_bytes=100_000).request("POST", server.url(), changes=True)


def test_a_gzip_bomb_takes_little_memory():
    squeezer = zlib.compressobj(wbits=31)
    bomb = b"".join(squeezer.compress(bytes(1_000_000)) for _ in range(60)) + squeezer.flush()
    headers = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
    with serving(answer(bomb, headers=headers)) as server:
        before = most_memory_kb()
        with pytest.raises(OutcomeUnknownError, match="more than 2000000"):
            client().request("POST", server.url(), changes=True)

    assert most_memory_kb() - before < 20_000


@pytest.mark.parametrize(
    ("value", "after_s"),
    [("7", 7), ("2.5", 2.5), ("1000000000", 3600), ("inf", 3600), ("-1", 0), ("soon", None), ("nan", None), ("", None)],
)
def test_a_429_says_how_long_to_wait(value, after_s):
    slow_down = answer(status="429 Too Many", headers=f"Retry-After: {value}\r\n")
    with serving(slow_down) as server, pytest.raises(RetryableError) as caught:
        client().request("POST", server.url(), changes=True)

    assert (type(caught.value), caught.value.throttled, caught.value.after_s) == (RetryableError, True, after_s)


@pytest.mark.parametrize(("minutes", "least", "most"), [(10, 300, 600), (-10, 0, 0), (999_999, 3600, 3600)])
def test_a_429_may_name_a_date(minutes, least, most):
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    slow_down = answer(status="429 Too Many", headers=f"Retry-After: {date}\r\n")
    with serving(slow_down) as server, pytest.raises(RetryableError) as caught:
        client().request("POST", server.url(), changes=True)

    assert least <= caught.value.after_s <= most


def test_a_redirect_is_not_followed():
    with serving(answer()) as other:
        away = answer(status="307 Temporary Redirect", headers=f"Location: {other.url()}\r\n")
        with serving(away) as server, pytest.raises(OutcomeUnknownError, match="redirect"):
            client().request("POST", server.url(), headers={"X-Token": SECRET}, changes=True)

    assert other.connections == 0


def test_a_huge_redirect_is_not_read():
    away = dribble(b"HTTP/1.1 302 Found\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\n", PIECE, every_s=0)
    with serving(away) as server, pytest.raises(RetryableError, match="redirect"):
        client().request("GET", server.url(), changes=False)


@pytest.mark.parametrize("name", [*itertools.islice(UNCLEAR, 3), "truncated", "no answer"])
def test_no_error_tells_a_secret(name):
    with serving(UNCLEAR[name]) as server, pytest.raises(RetryableError) as caught:
        client().request("GET", server.url(f"/?key={SECRET}"), headers={"X-Token": SECRET}, changes=False)

    told = [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
    assert not any(SECRET in text for text in told)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX-Evil: 1", f"{SECRET}\n", f"{SECRET}…", f" {SECRET}"])
def test_a_token_that_cannot_be_a_header_is_refused_unsent_and_untold(value):
    with serving(answer()) as server, pytest.raises(RejectedError) as caught:
        client().request("GET", server.url(), headers={"X-Token": value}, changes=False)

    assert SECRET not in str(caught.value)
    assert server.connections == 0
