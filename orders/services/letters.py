"""Mails that accounts and connectors promise, which know no outbox: who is asked to join, partners, a supplier's files.

They promise by dotted path (settings.PROMISE_LETTER), inside the transaction that gives the reason. The mail is written when
it is sent; what was withdrawn by then is told to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.mail import EmailMessage

from accounts.services import members
from connectors.services import desk_mails, partner_mails
from orders import alarms, outbox
from orders.models import OutboxMessage
from orders.services import history, mails
from orders.world import World

Write = Callable[..., EmailMessage | None]
LETTERS: Mapping[str, Write] = {
    "invitation": members.letter,
    "partnership": partner_mails.letter,
    "tracking_file": desk_mails.letter,
    "tracking_folder": desk_mails.folder_letter,
}


def promise(letter: str, *, merchant_id: int, cause: str, about: dict[str, Any], at: datetime) -> None:
    """One mail per cause. `about` are ids and words, never secrets: what the letter's writer takes, beside `at`."""
    payload = {"letter": letter, "about": about}
    alarms.post_mail(merchant_id=merchant_id, key=f"letter:{letter}:{cause}", payload=payload, at=at)


def is_about(message: OutboxMessage) -> bool:
    return "letter" in message.payload


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_MERCHANT with a letter: write it and hand it over."""
    mail = LETTERS[message.payload["letter"]](**message.payload["about"], at=world.now())
    refused = False
    if mail is not None:
        yield "sending"
        try:
            mails.hand_over(mail, key=message.key)
        except mails.AddressRefused:
            refused = True
        yield "sent"
    with outbox.finishing(message, at=world.now()):
        if refused and mail is not None:
            text = f"The mail server refused every address: {mail.subject}"
            history.note_about(message, kind="mail.failed", text=text, at=world.now())
