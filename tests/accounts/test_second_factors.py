"""Signing in with a second factor, whose secret the database does not tell."""

from __future__ import annotations

from io import StringIO

import pytest
import time_machine
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services import second_factors
from tests.factories import make_member, make_merchant

pytestmark = pytest.mark.django_db
PASSWORD, SECRET = "long enough to guess", totp.generate_totp_secret()
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def person() -> User:
    cache.clear()
    member = make_member(make_merchant(), "owner")
    member.set_password(PASSWORD)
    member.save()
    member.emailaddress_set.get_or_create(email=member.email, defaults={"verified": True, "primary": True})
    totp.TOTP.activate(member, SECRET)
    return member


def code(*, off_by: int) -> str:
    counter = list(totp.yield_hotp_counters_from_time())[totp.app_settings.TOTP_TOLERANCE]
    value = totp.hotp_value(SECRET, counter)
    return totp.format_hotp_value((value + off_by) % 10**totp.app_settings.TOTP_DIGITS)


def type_code(client: Client, *, off_by: int = 0) -> HttpResponse:
    """While the clock stands: a code is right for the rest of its half minute only, which may end any moment."""
    with time_machine.travel(timezone.now(), tick=False):
        return client.post(reverse("mfa_authenticate"), {"code": code(off_by=off_by)})


def signed_in_half(client: Client, person: User) -> None:
    response = client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert response["Location"] == reverse("mfa_authenticate")


def may_see_orders(client: Client) -> bool:
    return client.get(reverse("orders:list")).status_code == 200


def stored() -> str:
    return Authenticator.objects.get(type="totp").data["secret"]


def test_the_password_alone_opens_nothing(client: Client, person: User):
    signed_in_half(client, person)

    assert not may_see_orders(client)


def test_with_its_code_the_portal_opens(client: Client, person: User):
    signed_in_half(client, person)

    type_code(client)

    assert may_see_orders(client)


def test_a_wrong_code_is_refused(client: Client, person: User):
    signed_in_half(client, person)

    response = type_code(client, off_by=1)

    assert response.status_code == 200
    assert not may_see_orders(client)


def test_the_column_does_not_hold_the_secret(person: User):
    assert SECRET not in stored()
    assert get_adapter().decrypt(stored()) == SECRET


def test_a_secret_that_was_stored_in_the_open_still_works(client: Client, person: User):
    Authenticator.objects.update(data={"secret": SECRET})
    signed_in_half(client, person)

    type_code(client)

    assert may_see_orders(client)


def test_without_its_key_no_code_is_right(client: Client, person: User, settings):
    settings.CREDENTIAL_KEYS = [NEW]
    signed_in_half(client, person)

    response = type_code(client)

    assert response.status_code == 200
    assert not may_see_orders(client)


def test_rotation_leaves_every_factor_under_the_newest_key(person: User, settings):
    settings.CREDENTIAL_KEYS = [OLD]
    Authenticator.objects.all().delete()
    totp.TOTP.activate(person, SECRET)
    codes = RecoveryCodes.activate(person).get_unused_codes()
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    out = StringIO()

    call_command("rotate_credentials", stdout=out)

    settings.CREDENTIAL_KEYS = [NEW]
    assert "mfa.Authenticator: 2 written anew, 0 up to date." in out.getvalue()
    assert get_adapter().decrypt(stored()) == SECRET
    assert RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes() == codes
    assert second_factors.rotate() == (0, 2, [])


def test_rotation_writes_open_secrets_anew_and_names_lost_ones(person: User, settings):
    Authenticator.objects.update(data={"secret": SECRET})
    assert second_factors.rotate() == (1, 0, [])

    settings.CREDENTIAL_KEYS = [NEW]

    assert second_factors.rotate() == (0, 0, [Authenticator.objects.get().pk])
