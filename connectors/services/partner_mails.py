"""What two merchants are told of their partnership. Each mail leaves after the commit of what it tells."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Membership, Merchant, Role
from connectors.models import Partnership, Side


def invited(partnership: Partnership, token: str) -> None:
    """To the address that was asked, with the link; or to the owners of the merchant that was."""
    asking, asked = _sides(partnership, Side(partnership.asked_by))
    to = [partnership.email] if partnership.email else _owners(asked)
    path = reverse("orders:partner_invitation", args=[token]) if token else reverse("orders:partners")
    _promise(f"{asking} asks you to work together", "invited", to, partnership, asking=asking, path=path)


def accepted(partnership: Partnership) -> None:
    """To whoever asked."""
    asking, asked = _sides(partnership, Side(partnership.asked_by))
    path = reverse("orders:partner", args=[partnership.public_id])
    _promise(f"{asked} works with you now", "accepted", _owners(asking), partnership, asked=asked, path=path)


def declined(partnership: Partnership) -> None:
    """To whoever asked."""
    asking, asked = _sides(partnership, Side(partnership.asked_by))
    path = reverse("orders:partners")
    _promise(
        f"{asked} does not want to work with you", "declined", _owners(asking), partnership, asked=asked, path=path
    )


def ended(partnership: Partnership, by: Side) -> None:
    """To the other side."""
    ending, other = _sides(partnership, by)
    path = reverse("orders:partner", args=[partnership.public_id])
    _promise(f"{ending} ended your partnership", "ended", _owners(other), partnership, ending=ending, path=path)


def _sides(partnership: Partnership, first: Side) -> tuple[Merchant | None, Merchant | None]:
    pair = (partnership.source, partnership.destination)
    return pair if first == Side.SOURCE else (pair[1], pair[0])


def _owners(merchant: Merchant | None) -> list[str]:
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return list(owners.order_by("pk").values_list("user__email", flat=True)) if merchant else []


def _promise(
    subject: str, kind: str, to: list[str], partnership: Partnership, *, path: str, **context: Merchant | None
) -> None:
    if not to:
        return
    text = render_to_string(
        "connectors/mail/partner.txt",
        {"kind": kind, "partnership": partnership, "url": f"{settings.BASE_URL}{path}", **context},
    )
    mail = EmailMessage(" ".join(subject.split()), text.strip() + "\n", to=to)
    transaction.on_commit(mail.send, robust=True)
