"""Mails that accounts and connectors promise: none is lost with a mail server, and none tells what was taken back."""

from __future__ import annotations

import re
import smtplib

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts.models import AuditEvent, Invitation, Merchant, Role, User
from accounts.services import members
from orders import outbox
from orders.models import OutboxMessage

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation(merchant: Merchant, owner: User) -> Invitation:
    return members.invite(
        merchant_id=merchant.pk, email="new@kauri.example", role=Role.VIEWER, invited_by=owner, at=timezone.now()
    )


def token_in(letter: mail.EmailMessage) -> str:
    return re.search(r"/invitations?/([^/\s]+)/", letter.body)[1]


def test_a_mail_server_that_is_down_delays_the_mail(invitation: Invitation, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as down:
        down.setattr(EmailBackend, "send_messages", lambda *_: (_ for _ in ()).throw(ConnectionRefusedError()))
        outbox.drain()
    promise = OutboxMessage.objects.get(payload__letter="invitation")
    assert (promise.status, mail.outbox) == ("waiting", [])
    assert "mail server" in promise.reason

    outbox.drain(at=promise.next_attempt_at)

    (sent,) = mail.outbox
    assert sent.to == ["new@kauri.example"]
    assert members.find(token_in(sent), at=timezone.now()) == invitation


def test_a_letter_sent_twice_is_the_same_letter(invitation: Invitation):
    outbox.drain()
    OutboxMessage.objects.update(status="waiting", done_at=None, next_attempt_at=timezone.now())
    outbox.drain()

    first, second = mail.outbox
    assert first.message()["Message-ID"] == second.message()["Message-ID"]
    assert token_in(first) == token_in(second)


def test_an_invitation_that_was_withdrawn_meanwhile_is_not_mailed(invitation: Invitation):
    members.withdraw(invitation_id=invitation.pk, by="ana", at=timezone.now())

    outbox.drain()

    assert mail.outbox == []
    assert OutboxMessage.objects.get(payload__letter="invitation").status == "done"


def test_the_promise_holds_no_secret(invitation: Invitation):
    outbox.drain()

    kept = repr(OutboxMessage.objects.values_list("key", "payload").get(payload__letter="invitation"))

    assert token_in(mail.outbox[0]) not in kept
    assert invitation.token_digest not in kept


def test_a_link_of_another_invitation_is_another(invitation: Invitation, merchant: Merchant, owner: User):
    members.invite(
        merchant_id=merchant.pk, email="two@kauri.example", role=Role.VIEWER, invited_by=owner, at=timezone.now()
    )
    outbox.drain()

    assert len({token_in(letter) for letter in mail.outbox}) == 2


def test_an_address_that_does_not_exist_stands_in_the_audit(invitation: Invitation, monkeypatch: pytest.MonkeyPatch):
    refused = smtplib.SMTPRecipientsRefused({"new@kauri.example": (550, b"no such person")})
    monkeypatch.setattr(EmailBackend, "send_messages", lambda *_: (_ for _ in ()).throw(refused))

    outbox.drain()

    event = AuditEvent.objects.get(kind="mail.failed")
    assert "refused every address: Join" in event.subject
    assert OutboxMessage.objects.get(payload__letter="invitation").status == "done"
