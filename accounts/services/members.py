"""Who belongs to a merchant: invitations by e-mail, roles, leaving. There is always an owner."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from accounts.models import Invitation, Membership, Merchant, Role, User
from accounts.services import audit

INVITATION_LASTS = timedelta(days=7)


class MemberError(Exception):
    """The change is refused; the text says why."""


def invite(*, merchant_id: int, email: str, role: Role, invited_by: User, at: datetime) -> Invitation:
    """Ask a person to join; an older open invitation of the same address ends. A worker sends the mail."""
    email = email.lower()
    with transaction.atomic():
        merchant = Merchant.objects.get(pk=merchant_id)
        if Membership.objects.filter(merchant=merchant, user__email=email).exists():
            raise MemberError(f"{email} is a member already.")
        Invitation.objects.filter(merchant=merchant, email=email, accepted_at=None, revoked_at=None).update(
            revoked_at=at
        )
        invitation = Invitation.objects.create(
            merchant=merchant,
            email=email,
            role=role,
            token_digest=_digest(secrets.token_urlsafe(32)),
            invited_by=invited_by,
            created_at=at,
            expires_at=at + INVITATION_LASTS,
        )
        invitation.token_digest = _digest(_token(invitation))
        invitation.save(update_fields=["token_digest"])
        audit.record(
            merchant=merchant, kind="member.invited", subject=email, by=invited_by.get_username(), at=at, role=role
        )
        import_string(settings.PROMISE_LETTER)(
            "invitation",
            merchant_id=merchant.pk,
            cause=str(invitation.pk),
            about={"invitation_id": invitation.pk},
            at=at,
        )
    return invitation


def withdraw(*, invitation_id: int, by: str, at: datetime) -> None:
    """End an open invitation; one that has ended stays as it is."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=invitation_id)
        if invitation.accepted_at is None and invitation.revoked_at is None:
            invitation.revoked_at = at
            invitation.save(update_fields=["revoked_at"])
            audit.record(merchant=invitation.merchant, kind="member.uninvited", subject=invitation.email, by=by, at=at)


def find(token: str, *, at: datetime) -> Invitation | None:
    """The open invitation of a link; None when it was used, withdrawn or ran out."""
    return Invitation.objects.open(at=at).select_related("merchant").filter(token_digest=_digest(token)).first()


@transaction.atomic
def sign_up(*, token: str, name: str, password: str, at: datetime) -> User:
    """Make the invited person's account. The link came to the address, so it is verified. Raises MemberError."""
    invitation = _open(token, at)
    if User.objects.filter(email=invitation.email).exists():
        raise MemberError("There is an account with this address: sign in to accept.")
    user = User.objects.create_user(invitation.email, password, first_name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    _join(invitation, user, at)
    return user


@transaction.atomic
def accept(*, token: str, user: User, at: datetime) -> Merchant:
    """Join as the signed-in person, who must be the one that was asked. Raises MemberError."""
    invitation = _open(token, at)
    if user.email != invitation.email:
        raise MemberError(f"This invitation is for {invitation.email}; you are signed in as {user.email}.")
    _join(invitation, user, at)
    return invitation.merchant


@transaction.atomic
def change_role(*, membership_id: int, role: Role, by: str, at: datetime) -> Membership:
    """Raises MemberError when the last owner would be gone."""
    membership = _locked(membership_id)
    if membership.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(membership)
    if membership.role != role:
        membership.role = role
        membership.save(update_fields=["role"])
        audit.record(
            merchant=membership.merchant, kind="member.role", subject=membership.user.email, by=by, at=at, role=role
        )
    return membership


@transaction.atomic
def remove(*, membership_id: int, by: str, at: datetime) -> None:
    """Take a person out of a merchant, at once. Raises MemberError for the last owner."""
    membership = _locked(membership_id)
    if membership.role == Role.OWNER:
        _keep_an_owner(membership)
    audit.record(merchant=membership.merchant, kind="member.removed", subject=membership.user.email, by=by, at=at)
    membership.delete()


def _open(token: str, at: datetime) -> Invitation:
    rows = Invitation.objects.open(at=at).select_for_update(of=("self",)).select_related("merchant")
    invitation = rows.filter(token_digest=_digest(token)).first()
    if invitation is None:
        raise MemberError("This invitation was used, withdrawn, or has run out. Ask for a new one.")
    return invitation


def _join(invitation: Invitation, user: User, at: datetime) -> None:
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_at"])
    Membership.objects.get_or_create(user=user, merchant=invitation.merchant, defaults={"role": invitation.role})
    audit.record(merchant=invitation.merchant, kind="member.joined", subject=user.email, by=user.email, at=at)


def _locked(membership_id: int) -> Membership:
    """The membership, under its merchant's lock: two owners cannot remove each other at the same moment."""
    membership = Membership.objects.select_related("user", "merchant").get(pk=membership_id)
    Merchant.objects.select_for_update().get(pk=membership.merchant_id)
    return Membership.objects.select_related("user", "merchant").get(pk=membership_id)


def _keep_an_owner(membership: Membership) -> None:
    others = Membership.objects.filter(merchant=membership.merchant, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise MemberError("A merchant needs an owner: make somebody else owner first.")


def letter(*, invitation_id: int, at: datetime) -> EmailMultiAlternatives | None:
    """The mail with the link; None when the invitation has ended."""
    invitations = Invitation.objects.open(at=at).select_related("merchant", "invited_by")
    invitation = invitations.filter(pk=invitation_id).first()
    if invitation is None:
        return None
    path = reverse("accounts:invitation", args=[_token(invitation)])
    context = {"invitation": invitation, "url": settings.BASE_URL + path}
    mail = EmailMultiAlternatives(
        subject=f"Join {' '.join(invitation.merchant.name.split())} on Storeward",
        body=render_to_string("accounts/mail/invitation.txt", context),
        to=[invitation.email],
    )
    mail.attach_alternative(render_to_string("accounts/mail/invitation.html", context), "text/html")
    return mail


def _token(invitation: Invitation) -> str:
    """The link's secret, made from ours whenever it is needed: only its digest is stored."""
    return salted_hmac("accounts.invitation", str(invitation.pk), algorithm="sha256").hexdigest()


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
