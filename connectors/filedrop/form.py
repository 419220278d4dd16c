"""What a person types to connect a supplier that takes orders by e-mail, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.base import ConnectField, Entry
from connectors.errors import FieldError
from connectors.money import is_currency

LEAD = (
    "Purchase orders go out by e-mail as CSV; tracking comes back as a CSV file that you upload. "
    "A supplier with an SFTP server is connected as “Supplier by SFTP”."
)
FIELDS: tuple[ConnectField, ...] = (
    ConnectField(
        "email", "E-mail address for orders", help="The supplier's. It gets every purchase order.", kind="email"
    ),
    ConnectField("currency", "Currency", help="In which the supplier bills you, as in USD.", placeholder="USD"),
)
RECONNECT: tuple[str, ...] = ("email", "currency")

_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def read(given: Mapping[str, str], *, base_url: str = "") -> Entry:
    """What was typed, as a connection keeps it. Raises FieldError in plain words.

    `base_url`: where the supplier answers, when that is known without what was typed.
    """
    email, currency = given.get("email", "").strip(), given.get("currency", "").strip().upper()
    if not _EMAIL.fullmatch(email) or len(email) > 254:
        raise FieldError("email", "This is no e-mail address.")
    if not is_currency(currency):
        raise FieldError("currency", "A currency has three letters, as in USD.")
    return Entry(base_url=base_url or f"mailto:{email.lower()}", credentials={"email": email, "currency": currency})
