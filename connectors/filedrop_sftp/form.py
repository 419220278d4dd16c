"""What a person types to connect a supplier that takes orders by SFTP, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.base import ConnectField, Entry
from connectors.errors import FieldError
from connectors.money import is_currency
from connectors.sftp import PORT, read_key

LEAD = "Purchase orders are put on the supplier's SFTP server as CSV files; tracking is fetched from there."
FIELDS: tuple[ConnectField, ...] = (
    ConnectField("host", "Server", help="Its name alone, as the supplier gave it.", placeholder="sftp.supplier.com"),
    ConnectField("port", "Port", help="22 where the supplier says nothing.", kind="number", required=False),
    ConnectField("user", "User"),
    ConnectField("password", "Password", help="Or a private key below.", kind="secret", required=False),
    ConnectField(
        "private_key",
        "Private key",
        help="The whole file, from BEGIN to END: Ed25519, ECDSA or RSA.",
        kind="secret_text",
        required=False,
    ),
    ConnectField("passphrase", "Passphrase of the key", kind="secret", required=False),
    ConnectField("orders_folder", "Folder for purchase orders", placeholder="/orders"),
    ConnectField(
        "tracking_folder",
        "Folder for tracking",
        help="Empty: you upload tracking files yourself.",
        required=False,
        placeholder="/tracking",
    ),
    ConnectField("currency", "Currency", help="In which the supplier bills you, as in USD.", placeholder="USD"),
)
RECONNECT: tuple[str, ...] = tuple(field.name for field in FIELDS)  # it must be the same user of the same server

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_USER = re.compile(r"[^\s:@/\x00-\x1f]{1,100}")
_FOLDER = re.compile(r"[^\x00-\x1f\\]{1,200}")


def read(given: Mapping[str, str], *, base_url: str = "") -> Entry:
    """What was typed, as a connection keeps it. Raises FieldError in plain words.

    `base_url`: where the supplier answers, when that is known without what was typed.
    """
    host, port = _server(given)
    user = _text(given, "user")
    if not _USER.fullmatch(user):
        raise FieldError("user", "A user name has neither spaces nor : @ /.")
    currency = _text(given, "currency").upper()
    if not is_currency(currency):
        raise FieldError("currency", "A currency has three letters, as in USD.")
    kept = {
        "host": host,
        "port": str(port),
        "user": user,
        **_secrets(given),
        "orders_folder": _folder(given, "orders_folder"),
        "tracking_folder": _folder(given, "tracking_folder") if _text(given, "tracking_folder") else "",
        "currency": currency,
    }
    return Entry(base_url=base_url or f"sftp://{host}:{port}", credentials=kept)


def _server(given: Mapping[str, str]) -> tuple[str, int]:
    host, port = _text(given, "host").lower().rstrip("."), _text(given, "port") or str(PORT)
    if not _HOST.fullmatch(host):
        raise FieldError("host", "Give the server's name alone, as in sftp.supplier.com.")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise FieldError("port", "A port is a number from 1 to 65535.")
    return host, int(port)


def _secrets(given: Mapping[str, str]) -> dict[str, str]:
    password, key = str(given.get("password") or ""), _text(given, "private_key").replace("\r\n", "\n")
    passphrase = str(given.get("passphrase") or "")
    if not password and not key:
        raise FieldError("password", "Give a password or a private key.")
    if key:
        try:
            read_key(f"{key}\n", passphrase)
        except ValueError as error:
            raise FieldError("private_key", str(error)) from None
    return {"password": password, "private_key": f"{key}\n" if key else "", "passphrase": passphrase}


def _folder(given: Mapping[str, str], name: str) -> str:
    folder = _text(given, name)
    if not _FOLDER.fullmatch(folder) or ".." in folder.split("/"):
        raise FieldError(name, "Give the folder as the supplier's server names it, as in /orders.")
    return folder.rstrip("/") or "/"


def _text(given: Mapping[str, str], name: str) -> str:
    value = given.get(name)
    return "" if value is None else str(value).strip()
