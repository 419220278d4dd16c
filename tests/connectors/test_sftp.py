"""What a session makes of a server: whom it speaks to, what it says before it knows, and when it gives up."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from types import SimpleNamespace

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from django.utils import timezone

from connectors import sftp
from connectors.errors import (
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
    ServerKeyError,
)
from connectors.http import CallRecord
from connectors.practice import dials
from connectors.practice.filedrop_sftp import files
from connectors.sftp import Entry, Place, Session
from tests.connectors.raw_server import PATIENCE_S
from tests.connectors.sftp_server import make_mill, place_of, server, shown_key

BODY = bytes(range(256)) * 400


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    with server() as number:
        yield number


@pytest.fixture
def mill(port: int):
    return make_mill()


def visit(place: Place, **options) -> Session:
    return Session(place, **{"allow_loopback": True, "deadline_s": 30.0, **options})


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that is none: the port, and what it was told."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            guest, _ = listener.accept()
            with guest:
                guest.settimeout(PATIENCE_S)
                answer(guest)
                while piece := guest.recv(4096):
                    heard.append(piece)

        thread = Thread(target=_quietly, args=(serve,))
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(PATIENCE_S)


def _quietly(serve: Callable[[], None]) -> None:
    try:
        serve()
    except OSError:
        return


# --- files ---


def test_a_file_is_written_read_renamed_and_removed(mill, port):
    with visit(place_of(mill, port)) as session:
        session.folder("/orders")
        session.write_new("/orders/a.part", BODY)
        session.rename("/orders/a.part", "/orders/a.txt")

        assert session.read("/orders/a.txt", max_bytes=len(BODY)) == BODY
        assert [(entry.name, entry.size) for entry in session.files("/orders").files] == [("a.txt", len(BODY))]
        assert (session.remove("/orders/a.txt"), session.remove("/orders/a.txt")) == (True, False)
        assert session.read("/orders/a.txt", max_bytes=10) is None


def test_a_file_that_is_there_is_never_written_over(mill, port):
    files.put(mill, "/orders/a.txt", b"theirs")
    with visit(place_of(mill, port)) as session:
        with pytest.raises(RetryableError):
            session.write_new("/orders/a.txt", b"ours")
        session.write_new("/orders/b.part", b"ours")
        with pytest.raises(RetryableError) as caught:
            session.rename("/orders/b.part", "/orders/a.txt")

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert bytes(files.get(mill, "/orders/a.txt").body) == b"theirs"


def test_a_file_that_is_too_large_is_not_held(mill, port):
    files.put(mill, "/tracking/a.csv", BODY)

    with visit(place_of(mill, port)) as session, pytest.raises(RejectedError, match="larger"):
        session.read("/tracking/a.csv", max_bytes=len(BODY) - 1)


def leave(mill, **ages: int) -> None:
    """Files for us, each so many hours old."""
    now = timezone.now()
    for name, hours in ages.items():
        files.put(mill, f"/tracking/{name}.csv", b"x")
        mill.files.filter(path=f"/tracking/{name}.csv").update(modified_at=now - timedelta(hours=hours))


def test_files_are_listed_the_oldest_first_and_those_of_one_second_by_name(mill, port):
    leave(mill, a=1, c=2, b=2)

    with visit(place_of(mill, port)) as session:
        found = session.files("/tracking")

    assert [entry.name for entry in found.files] == ["b.csv", "c.csv", "a.csv"]
    assert (type(found.files[0]), found.left_out) == (Entry, 0)


def test_of_too_many_files_the_newest_are_held_and_the_others_counted(mill, port):
    leave(mill, old=3, new=1, middle=2)

    with visit(place_of(mill, port)) as session:
        found = session.files("/tracking", at_most=2)

    assert ([entry.name for entry in found.files], found.left_out) == (["middle.csv", "new.csv"], 1)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda session: session.folder("/nowhere"), "has no /nowhere"),
        (lambda session: session.files("/nowhere"), "has no /nowhere"),
        (lambda session: session.write_new("/nowhere/a", b"x"), "has no /nowhere"),
        (lambda session: session.write_new("/tracking/a", b"x"), "may not use /tracking/a"),
        (lambda session: session.remove("/tracking/a"), "may not use /tracking/a"),
    ],
)
def test_a_folder_that_is_not_there_or_not_ours_is_for_a_person_to_mend(mill, port, act, said):
    with visit(place_of(mill, port)) as session, pytest.raises(CredentialsError, match=said) as caught:
        act(session)
    assert caught.value.code == "scope_missing"


# --- who is there, and who we are ---


def test_a_server_that_nobody_confirmed_is_told_no_secret(mill, port, caplog):
    caplog.set_level("DEBUG")
    place = Place("127.0.0.1", port, mill.slug, mill.access_token)

    with pytest.raises(ServerKeyError) as caught, visit(place):
        pass

    assert caught.value.shown.startswith("ssh-ed25519 SHA256:")
    assert (caught.value.known, caught.value.host) == ("", "127.0.0.1")
    assert mill.access_token not in caplog.text


def test_another_key_than_the_confirmed_one_ends_it_before_the_password(mill, port):
    place = place_of(mill, port)
    dials.turn(mill.pk, "other_key", left=1)
    dials.turn(mill.pk, "dead_token", left=1)  # is turned back by whoever signs in

    with pytest.raises(ServerKeyError, match="another key") as caught, visit(place):
        pass

    assert caught.value.known == place.server_key != caught.value.shown
    mill.refresh_from_db()
    assert mill.dials["dead_token"]["left"] == 1


def test_a_server_without_the_kind_of_key_that_was_confirmed_is_a_stranger(mill, port):
    with pytest.raises(ServerKeyError, match="another key"), visit(place_of(mill, port, server_key="ssh-rsa SHA256:x")):
        pass


def test_the_same_server_shows_the_same_key(mill, port):
    place = place_of(mill, port)

    assert shown_key(place_of(mill, port, server_key="ssh-ed25519 SHA256:x")) == place.server_key


def test_a_private_key_lets_us_in(mill, port):
    text, public = new_key(b"open sesame")
    mill.settings = {"public_key": public}
    mill.save()

    with visit(place_of(mill, port, password="", private_key=text, passphrase="open sesame")) as session:
        session.folder("/orders")


def test_a_wrong_password_or_key_is_for_a_person_to_mend(mill, port):
    text, _ = new_key(b"")
    for secrets in ({"password": "wrong"}, {"password": "", "private_key": text}):
        with pytest.raises(CredentialsError, match="does not let mill in"), visit(place_of(mill, port, **secrets)):
            pass


@pytest.mark.parametrize(
    ("text", "passphrase", "said"),
    [("nonsense", "", "no private key"), ("", "", "no private key"), ("protected", "", "passphrase")],
)
def test_a_key_that_cannot_be_read_says_so(text, passphrase, said):
    given = new_key(b"open sesame")[0] if text == "protected" else text

    with pytest.raises(ValueError, match=said):
        sftp.read_key(given, passphrase)


def new_key(passphrase: bytes) -> tuple[str, str]:
    """A private key as it stands in its file, and the public one in base64."""
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, lock).decode()
    return text, paramiko.Ed25519Key.from_private_key(io.StringIO(text), passphrase.decode() or None).get_base64()


# --- where it may go ---


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "2130706433", "0x7f000001", "127.1", "::1", "::ffff:127.0.0.1", "fe80::1", "fc00::1", "224.0.0.1",
    ],
)  # fmt: skip
def test_only_public_addresses_are_spoken_to(host):
    with pytest.raises(RetryableError), Session(Place(host, 22, "mill", "secret"), deadline_s=2):
        pass


def test_this_machine_is_refused_before_a_byte_where_it_is_not_allowed(mill, port):
    with pytest.raises(RetryableError, match="not public"), visit(place_of(mill, port), allow_loopback=False):
        pass


@pytest.mark.parametrize("number", [21, 25, 80, 443, 1023])
def test_ports_of_other_services_are_refused(number):
    with pytest.raises(RejectedError, match="port 22"), Session(Place("example.com", number, "mill", "secret")):
        pass


# --- servers that are none ---


def dribble(sock: socket.socket) -> None:
    ended = Event()
    while not ended.wait(0.2):
        sock.sendall(b"x")


@pytest.mark.parametrize(
    "answer",
    [
        lambda sock: None,
        lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"),
        lambda sock: sock.sendall(b"SSH-2.0-x\r\n" + b"\xff" * 4096),
        lambda sock: sock.sendall(b"SSH-2.0-x\r\n"),
        lambda sock: sock.close(),
        dribble,
    ],
    ids=["silent", "a page", "garbage", "greets and waits", "closes", "dribbles"],
)
def test_a_server_that_is_none_is_left_in_time(answer):
    with listening(answer) as (number, heard):
        began = time.monotonic()

        with (
            pytest.raises(RetryableError) as caught,
            visit(Place("127.0.0.1", number, "mill", "secret"), deadline_s=1.5),
        ):
            pass

        assert not isinstance(caught.value, (OutcomeUnknownError, CredentialsError))
        assert time.monotonic() - began < PATIENCE_S / 2
    assert b"secret" not in b"".join(heard)


def test_after_the_deadline_nothing_more_is_said(mill, port, monkeypatch):
    late_s = [0.0]
    with visit(place_of(mill, port)) as session:
        monkeypatch.setattr(sftp, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + late_s[0]))
        late_s[0] = 30.0

        with pytest.raises(RetryableError, match="in time"):
            session.folder("/orders")


def test_more_bytes_than_a_session_may_bring_end_it(mill, port, monkeypatch):
    files.put(mill, "/tracking/a.csv", BODY)
    monkeypatch.setattr(sftp, "RECEIVED_MAX", 50_000)

    with visit(place_of(mill, port)) as session, pytest.raises(RetryableError, match="sent more than"):
        session.read("/tracking/a.csv", max_bytes=10_000_000)


def test_a_name_that_got_no_answer_may_have_been_given(mill, port):
    with visit(place_of(mill, port)) as session:
        session.write_new("/orders/a.part", b"x")
        dials.turn(mill.pk, "lost_answer", left=1)

        with pytest.raises(OutcomeUnknownError):
            session.rename("/orders/a.part", "/orders/a.txt")

    assert files.get(mill, "/orders/a.txt")


def test_each_verb_is_a_line_in_the_log_of_calls(mill, port):
    calls: list[CallRecord] = []

    with visit(place_of(mill, port), on_call=calls.append) as session:
        session.folder("/orders")
        with pytest.raises(CredentialsError):
            session.folder("/nowhere")

    assert [(call.operation, call.outcome) for call in calls] == [
        ("sign_in", "ok"), ("look", "ok"), ("look", "CredentialsError"),
    ]  # fmt: skip
    assert calls[1].url == f"sftp://127.0.0.1:{port}/orders"
    assert not [call for call in calls if mill.access_token in repr(call)]
