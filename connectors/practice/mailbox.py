"""An e-mail backend that keeps every mail for the practice mailbox and sends none."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from connectors.practice.filedrop import inbox
from connectors.practice.models import PracticeMail


class PracticeMailbox(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for mail in email_messages:
            mail.message()  # raises for headers that could not be sent
            PracticeMail.objects.create(
                sender=mail.from_email[:300],
                to=", ".join(mail.recipients())[:1000],
                subject=str(mail.subject)[:500],
                text=str(mail.body),
                html=_html(mail),
            )
            inbox.take(mail)
        return len(email_messages)


def _html(mail: EmailMessage) -> str:
    alternatives = mail.alternatives if isinstance(mail, EmailMultiAlternatives) else []
    return next((str(content) for content, kind in alternatives if kind == "text/html"), "")
