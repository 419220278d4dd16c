"""The constraints of people, merchants and keys."""

from __future__ import annotations

from typing import Any

from accounts.models import ApiKey, Invitation, Membership, User, new_public_id
from tests.constraints.rows import LATER, Broken, Twice
from tests.factories import NOON, make_marketplace, make_member, make_merchant, make_user


def user() -> User:
    return make_user(email="ana@kauri.example")


def membership() -> Membership:
    return Membership.objects.get(user=make_member(make_merchant()))


def invitation() -> Invitation:
    return Invitation.objects.create(
        merchant=make_merchant(), email="new@kauri.example", role="viewer", token_digest=new_public_id(), created_at=NOON,
        expires_at=LATER, invited_by=make_user(),
    )  # fmt: skip


def api_key() -> ApiKey:
    return ApiKey.objects.create(
        merchant=make_merchant(), name="x", prefix=new_public_id()[:8], digest=new_public_id(), created_at=NOON
    )


def of_a_marketplace_too(_key: ApiKey) -> dict[str, Any]:
    return {"marketplace": make_marketplace()}


BROKEN = [
    Broken("merchant_confirm_within_1_to_720_hours", make_merchant, {"confirm_within_hours": 0}),
    Broken("merchant_confirm_within_1_to_720_hours", make_merchant, {"confirm_within_hours": 721}),
    Broken("membership_role_known", membership, {"role": "king"}),
    Broken("invitation_role_known", invitation, {"role": "king"}),
    Broken("api_key_of_marketplace_or_merchant", api_key, {"merchant": None}),
    Broken("api_key_of_marketplace_or_merchant", api_key, of_a_marketplace_too),
]
TWICE = [
    Twice("user_email_once_in_any_case", user, {"email": "ANA@kauri.example"}),
    Twice("membership_once_per_merchant", membership),
    Twice("invitation_one_open_per_address", invitation),
]
