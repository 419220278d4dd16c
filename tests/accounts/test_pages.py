"""The pages of people and the business, as each role sees them."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, Invitation, Membership, Merchant, Role, User
from accounts.services import api_keys
from orders import outbox
from tests.factories import make_member, make_merchant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def test_a_stranger_is_sent_to_the_sign_in_page(client: Client):
    response = client.get(reverse("accounts:team"))

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_the_sign_in_page_asks_once_whether_the_password_is_forgotten(client: Client):
    assert client.get("/accounts/login/").content.decode().count("Forgot") == 1


def test_an_address_that_people_type_leads_to_the_settings(signed_in: Client):
    assert signed_in.get("/settings/")["Location"] == "/settings/orders/"


def test_browsers_find_the_icon_where_they_look_for_it(client: Client):
    assert client.get("/favicon.ico")["Location"] == "/static/img/favicon.svg"


@pytest.mark.parametrize("name", ["account_login", "account_reset_password"])
def test_pages_before_sign_in_hold_nothing_that_the_csp_forbids(client: Client, name: str):
    page = client.get(reverse(name)).content.decode()

    assert not re.search(r"<style| style=|<script(?![^>]*(?: src=|application/json))", page)


@pytest.mark.parametrize(
    "name",
    ["accounts:team", "accounts:keys", "accounts:profile", "mfa_index", "account_email", "account_change_password"],
)
def test_pages_after_sign_in_hold_nothing_that_the_csp_forbids(signed_in: Client, name: str):
    response = signed_in.get(reverse(name), follow=True)

    assert response.status_code == 200
    assert not re.search(r"<style| style=|<script(?![^>]*(?: src=|application/json))", response.content.decode())


def test_removing_an_address_is_not_the_first_thing_offered(owner: User, signed_in: Client):
    EmailAddress.objects.get_or_create(user=owner, email=owner.email, defaults={"primary": True, "verified": True})

    page = signed_in.get(reverse("account_email")).content.decode()

    assert 'class="btn btn-danger" name="action_remove"' in page
    assert 'class="btn" name="action_send"' in page
    assert 'class="btn btn-primary" name="action_add"' in page


def test_an_owner_invites_and_the_link_makes_an_account(signed_in: Client, merchant: Merchant):
    signed_in.post(reverse("accounts:invite"), {"email": "New@Kauri.example", "role": "viewer"})
    outbox.drain()
    link = re.search(r"http://\S+", mail.outbox[0].body).group()
    guest = Client()

    guest.post(link, {"name": "Nia", "password": "long enough to guess"})

    joined = Membership.objects.get(user__email="new@kauri.example")
    assert (joined.merchant, joined.role) == (merchant, Role.VIEWER)
    assert guest.get(link).status_code == 302 or guest.get(link).status_code == 410


def test_an_invitation_works_once(signed_in: Client):
    signed_in.post(reverse("accounts:invite"), {"email": "new@kauri.example", "role": "viewer"})
    outbox.drain()
    link = re.search(r"http://\S+", mail.outbox[0].body).group()
    Client().post(link, {"name": "Nia", "password": "long enough to guess"})

    assert Client().get(link).status_code == 410


def test_an_invitation_for_somebody_else_is_not_accepted(signed_in: Client):
    signed_in.post(reverse("accounts:invite"), {"email": "new@kauri.example", "role": "viewer"})
    outbox.drain()
    link = re.search(r"http://\S+", mail.outbox[0].body).group()

    signed_in.post(link)

    assert Invitation.objects.get().accepted_at is None


def test_a_refused_invitation_keeps_what_was_typed(signed_in: Client):
    response = signed_in.post(reverse("accounts:invite"), {"email": "not an address", "role": "viewer"})

    assert response.status_code == 422
    assert 'value="not an address"' in response.content.decode()


def test_the_last_owner_cannot_be_removed(signed_in: Client, owner: User):
    own = Membership.objects.get(user=owner)

    signed_in.post(reverse("accounts:member_remove", args=[own.pk]))

    assert Membership.objects.filter(pk=own.pk).exists()


def test_the_last_owner_cannot_step_down(signed_in: Client, owner: User):
    own = Membership.objects.get(user=owner)

    signed_in.post(reverse("accounts:member_role", args=[own.pk]), {"role": "viewer"})

    own.refresh_from_db()
    assert own.role == Role.OWNER


def test_another_merchants_member_does_not_exist(signed_in: Client):
    other = make_merchant()
    member = Membership.objects.get(user=make_member(other))

    response = signed_in.post(reverse("accounts:member_remove", args=[member.pk]))

    assert response.status_code == 404
    assert Membership.objects.filter(pk=member.pk).exists()


def test_another_merchants_key_does_not_exist(signed_in: Client):
    key, _ = api_keys.issue(
        name="x", can_write=False, expires_at=None, merchant=make_merchant(), by="x", at=timezone.now()
    )

    response = signed_in.post(reverse("accounts:key_revoke", args=[key.pk]))

    assert response.status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MANAGER])
@pytest.mark.parametrize("name", ["accounts:invite", "accounts:keys", "accounts:profile"])
def test_only_owners_change_people_keys_and_business(merchant: Merchant, client: Client, role: str, name: str):
    client.force_login(make_member(merchant, role))

    assert client.post(reverse(name), {}).status_code == 403


def test_a_key_is_shown_once(signed_in: Client):
    page = signed_in.post(reverse("accounts:keys"), {"name": "scripts", "lifetime": "30"}).content.decode()
    secret = re.search(r"sw_[0-9a-f]{8}_[\w-]{43}", page).group()

    assert secret not in signed_in.get(reverse("accounts:keys")).content.decode()
    assert ApiKey.objects.get().digest not in page


def test_one_can_switch_to_another_of_ones_merchants_only(signed_in: Client, owner: User):
    mine, foreign = make_merchant(slug="mine"), make_merchant(slug="foreign")
    Membership.objects.create(user=owner, merchant=mine, role=Role.OWNER)

    assert signed_in.post(reverse("accounts:switch"), {"merchant": "foreign"}).status_code == 404
    signed_in.post(reverse("accounts:switch"), {"merchant": "mine"})

    assert signed_in.get(reverse("accounts:team")).context["merchant"] == mine
    assert foreign.memberships.count() == 0


def test_a_person_without_a_merchant_is_told_so(client: Client):
    client.force_login(make_user())

    response = client.get(reverse("accounts:team"))

    assert response.status_code == 403
    assert "do not work for a merchant yet" in response.content.decode()


def test_the_sixth_wrong_password_is_stopped(client: Client, owner: User):
    for _ in range(6):
        response = client.post(reverse("account_login"), {"login": owner.email, "password": "wrong"})

    assert "Too many failed login attempts" in response.content.decode()


def test_the_admins_own_sign_in_is_the_limited_one(client: Client):
    response = client.get("/admin/login/", follow=True)

    assert response.redirect_chain[0][0].startswith("/accounts/login/")
