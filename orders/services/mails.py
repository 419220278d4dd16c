"""How a mail is made and handed over: text and HTML from templates/orders/mail/, headers that nobody can break out of.

Whatever comes from outside stands in a mail as one line of text. Nothing in a mail is loaded from anywhere.
"""

from __future__ import annotations

import smtplib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Merchant
from accounts.services.addresses import is_address
from orders import outbox

_LINE_ENDS = {"Cc", "Zl", "Zp"}  # Unicode categories: control characters, line and paragraph separators
_REFUSED_FOR_GOOD = 500  # SMTP replies from here on are final, RFC 5321 section 4.2.1


class AddressRefused(Exception):
    """The mail server will never deliver to this address."""


@dataclass(frozen=True, slots=True)
class Letter:
    to: Sequence[str]
    template: str  # name of the three files in templates/orders/mail/
    context: Mapping[str, Any]
    merchant: Merchant
    from_merchant: bool = False  # in the merchant's name, answers go to the merchant


def send(letter: Letter, *, key: str) -> None:
    """Hand one mail to the mail server. The same key always has the same Message-ID.

    Raises AddressRefused, or RetryLater when the server did not take it now.
    """
    hand_over(_compose(letter), key=key)


def hand_over(mail: EmailMessage, *, key: str) -> None:
    """The same for a mail that is written already."""
    mail.extra_headers = {"Message-ID": _message_id(key, mail.from_email), "Auto-Submitted": "auto-generated"}
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= _REFUSED_FOR_GOOD for code, _ in error.recipients.values()):
            raise AddressRefused from error
        raise outbox.RetryLater("The mail server did not take the address yet.") from error
    except (OSError, smtplib.SMTPException) as error:
        raise outbox.RetryLater(f"The mail server did not take the mail ({type(error).__name__}).") from error


def one_line(text: str) -> str:
    """The text without anything that ends a line or steers a terminal or a header."""
    kept = (" " if unicodedata.category(character) in _LINE_ENDS else character for character in text)
    return " ".join("".join(kept).split())


def safe_url(url: str) -> str:
    """The address when a person may follow it, else nothing: http and https with a host, in one word."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc
    return url if plain and one_line(url) == url and " " not in url else ""


def _compose(letter: Letter) -> EmailMultiAlternatives:
    name, files = letter.merchant.name, f"orders/mail/{letter.template}"
    context = {**letter.context, "merchant": one_line(name)}
    with timezone.override(letter.merchant.zone):
        subject, text, html = (render_to_string(f"{files}.{end}", context) for end in ("subject.txt", "txt", "html"))
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    mail = EmailMultiAlternatives(
        subject=one_line(subject),
        body=text.strip() + "\n",
        from_email=formataddr((one_line(name), address)) if letter.from_merchant else settings.DEFAULT_FROM_EMAIL,
        to=list(letter.to),
        reply_to=_reply_to(letter),
    )
    mail.attach_alternative(html, "text/html")
    return mail


def _reply_to(letter: Letter) -> list[str]:
    if not letter.from_merchant:
        return []
    return [address for address in letter.merchant.alert_addresses if is_address(address)][:1]


def _message_id(key: str, sender: str) -> str:
    address = parseaddr(sender)[1]
    return f"<{sha256(key.encode()).hexdigest()[:32]}@{address.rpartition('@')[2]}>"
