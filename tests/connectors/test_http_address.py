"""Where a request may go, and that it stays there."""

from __future__ import annotations

import socket

import pytest

from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from tests.connectors.raw_server import answer, certificate, refusing, serving

PUBLIC = "93.184.215.14"


@pytest.fixture
def resolver(monkeypatch):
    """Names resolve as the test says; literal addresses as ever. Each look-up takes the next answer."""
    names: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if host not in names:
            if (
                any(letter.isalpha() for letter in str(host).replace("x", ""))
                and ":" not in str(host)
                and host != "localhost"
            ):
                raise socket.gaierror(socket.EAI_NONAME, "no such name")
            return real(host, *args, **kwargs)
        queue = names[host]
        return real(queue.pop(0) if len(queue) > 1 else queue[0], *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


@pytest.fixture
def no_connect(monkeypatch):
    """Nothing may be connected to; what was tried is in the list."""
    tried: list[object] = []

    def connect(self, address):
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "kauri.example",
        "//kauri.example/",
        "http://kauri.example/",
        "ftp://kauri.example/",
        "file:///etc/passwd",
        "gopher://kauri.example/",
        "javascript:alert(1)",
        "https://kauri.example:22/",
        "https://kauri.example:8443/",
        "https://kauri.example:99999/",
        "https://user@kauri.example/",
        "https://user:pass@kauri.example/",
        "https://kauri.example\\@127.0.0.1/",
        "https://kauri .example/",
        "https://kauri.example/\r\nX: y",
        "https://kauri\t.example/",
        "https://ｋauri.example/",  # noqa: RUF001 - the very point
        "https://127。0。0。1/",
        "https://①②⑦.⓪.⓪.①/",
        "https:///kauri.example/",
        "https://[::1/",
        "https://[::g]/",
    ],
)
def test_an_address_that_is_none_of_ours_is_refused(url, no_connect):
    with pytest.raises(RejectedError):
        HttpClient().request("POST", url, changes=True)

    assert no_connect == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "localhost",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
    ],
)
def test_an_address_that_is_not_public_is_never_connected_to(host, no_connect):
    with pytest.raises(RetryableError) as caught:
        HttpClient().request("POST", f"https://{host}/", changes=True)

    assert type(caught.value) is RetryableError
    assert no_connect == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "0.0.0.0", "192.168.1.1"])
def test_allowing_this_machine_allows_no_other_private_address(address, no_connect):
    with pytest.raises(RetryableError, match="not public"):
        HttpClient(allow_loopback=True).request("GET", f"http://{address}/", changes=False)

    assert no_connect == []


@pytest.mark.parametrize("url", ["http://kauri.example/", "https://kauri.example:8443/"])
def test_allowing_this_machine_relaxes_nothing_for_the_public(url, resolver, no_connect):
    resolver["kauri.example"] = [PUBLIC]

    with pytest.raises(RetryableError, match="only be reached over https"):
        HttpClient(allow_loopback=True).request("GET", url, changes=False)

    assert no_connect == []


def test_the_checked_address_is_the_one_connected_to(resolver, no_connect):
    resolver["kauri.example"] = [PUBLIC, "127.0.0.1"]

    with pytest.raises(RetryableError, match="refused the connection"):
        HttpClient().request("GET", "https://kauri.example/", changes=False)

    assert no_connect == [(PUBLIC, 443)]


def test_a_name_that_turns_to_this_machine_is_refused(resolver, no_connect):
    resolver["kauri.example"] = [PUBLIC, "127.0.0.1"]
    http = HttpClient()
    with pytest.raises(RetryableError, match="refused the connection"):
        http.request("GET", "https://kauri.example/", changes=False)

    with pytest.raises(RetryableError, match="not public"):
        http.request("POST", "https://kauri.example/", changes=True)

    assert no_connect == [(PUBLIC, 443)]


@pytest.mark.parametrize("host", ["unknown.example", "a" * 64 + ".example", "a..example"])
def test_a_name_that_is_not_found_was_not_sent(host, resolver):
    with pytest.raises(RetryableError, match="could not be found") as caught:
        HttpClient().request("POST", f"https://{host}/", changes=True)

    assert type(caught.value) is RetryableError


def test_a_refused_port_was_not_sent():
    with refusing() as port, pytest.raises(RetryableError, match="refused the connection") as caught:
        HttpClient(allow_loopback=True).request("POST", f"http://127.0.0.1:{port}/", changes=True)

    assert type(caught.value) is RetryableError


def test_an_environment_proxy_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")

    with serving(answer()) as server:
        assert HttpClient(allow_loopback=True).request("GET", server.url(), changes=False).status == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "kauri.example"])
def test_a_certificate_that_nobody_vouches_for_is_refused_before_a_byte(name, tmp_path):
    with (
        serving(answer(), tls=certificate(tmp_path, name)) as server,
        pytest.raises(RetryableError, match="certificate") as caught,
    ):
        HttpClient(allow_loopback=True, deadline_s=30).request("POST", server.url(scheme="https"), changes=True)

    assert type(caught.value) is RetryableError
    assert server.requests == []


def test_the_same_certificate_is_fine_once_vouched_for(tmp_path, monkeypatch):
    with serving(answer(), tls=certificate(tmp_path, "127.0.0.1")) as server:
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "cert.pem"))
        http = HttpClient(allow_loopback=True, deadline_s=30)
        assert http.request("GET", server.url(scheme="https"), changes=False).status == 200
        http.close()


def test_a_vouched_for_certificate_of_another_name_is_refused(tmp_path, monkeypatch):
    with serving(answer(), tls=certificate(tmp_path, "kauri.example")) as server:
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "cert.pem"))
        with pytest.raises(RetryableError, match="certificate"):
            HttpClient(allow_loopback=True, deadline_s=30).request("GET", server.url(scheme="https"), changes=False)

    assert server.requests == []


def test_a_server_without_tls_is_not_spoken_to_over_https():
    with serving(answer()) as server, pytest.raises(RetryableError) as caught:
        HttpClient(allow_loopback=True, deadline_s=0.5).request("POST", server.url(scheme="https"), changes=True)

    assert not isinstance(caught.value, OutcomeUnknownError)
