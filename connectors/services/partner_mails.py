"""What two merchants are told of their partnership: promised with what it tells, written and sent by a worker."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from accounts.models import Membership, Merchant, Role
from connectors.models import Partnership, PartnershipState, Side

INVITED, ACCEPTED, DECLINED, ENDED = "invited", "accepted", "declined", "ended"


def promise(partnership: Partnership, kind: str, *, by: Side, at: datetime) -> None:
    """Tell the side that did not do it. Inside the transaction that writes it down."""
    acting, _ = _sides(partnership, by)
    if acting is None:
        return
    about = {"partnership_id": partnership.pk, "kind": kind, "by": by}
    cause = f"{partnership.public_id}:{kind}"
    import_string(settings.PROMISE_LETTER)("partnership", merchant_id=acting.pk, cause=cause, about=about, at=at)


def token_of(partnership: Partnership) -> str:
    """The secret of the link in an invitation by e-mail, made from ours whenever it is needed: its digest is stored."""
    return salted_hmac("connectors.partnership", partnership.public_id, algorithm="sha256").hexdigest()


def letter(*, partnership_id: int, kind: str, by: str, at: datetime) -> EmailMessage | None:
    """None when nobody is to be told, or the question was answered or taken back before it was asked."""
    partnership = Partnership.objects.select_related("source", "destination").get(pk=partnership_id)
    open_question = partnership.state == PartnershipState.INVITED and at < partnership.expires_at
    acting, told = _sides(partnership, Side(by))
    to = [partnership.email] if kind == INVITED and partnership.email else _owners(told)
    if not to or acting is None or (kind == INVITED and not open_question):
        return None
    url = f"{settings.BASE_URL}{_path(partnership, kind)}"
    context = {"kind": kind, "partnership": partnership, "acting": acting, "url": url}
    text = render_to_string("connectors/mail/partner.txt", context)
    return EmailMessage(f"{' '.join(acting.name.split())} {_SUBJECTS[kind]}", text.strip() + "\n", to=to)


_SUBJECTS = {
    INVITED: "asks you to work together",
    ACCEPTED: "works with you now",
    DECLINED: "does not want to work with you",
    ENDED: "ended your partnership",
}


def _path(partnership: Partnership, kind: str) -> str:
    if kind == INVITED and partnership.email:
        return reverse("orders:partner_invitation", args=[token_of(partnership)])
    if kind in (INVITED, DECLINED):
        return reverse("orders:partners")
    return reverse("orders:partner", args=[partnership.public_id])


def _sides(partnership: Partnership, first: Side) -> tuple[Merchant | None, Merchant | None]:
    pair = (partnership.source, partnership.destination)
    return pair if first == Side.SOURCE else (pair[1], pair[0])


def _owners(merchant: Merchant | None) -> list[str]:
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return list(owners.order_by("pk").values_list("user__email", flat=True)) if merchant else []
