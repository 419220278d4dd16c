"""What the operator's staff may do with merchants and with marketplaces' keys."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, AuditEvent, Membership, Merchant, User
from accounts.services import api_keys
from tests.factories import NOON, make_marketplace, make_user

pytestmark = pytest.mark.django_db
KEYS = reverse("admin:accounts_apikey_changelist")
NEW_KEY = reverse("admin:accounts_apikey_add")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user(email="ops@storeward.example", is_staff=True, is_superuser=True))
    return client


def profile_of(merchant: Merchant, **changed: str) -> dict[str, str]:
    fields = (
        "name",
        "address1",
        "address2",
        "city",
        "province_code",
        "postcode",
        "country_code",
        "time_zone",
        "currency",
    )
    data = {field: getattr(merchant, field) for field in fields}
    none = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    return {**data, "is_active": "on", **none, **changed}


def page_of(merchant: Merchant) -> str:
    return reverse("admin:accounts_merchant_change", args=[merchant.pk])


def test_a_marketplace_gets_a_key_that_ends_and_is_shown_once(staff: Client):
    marketplace = make_marketplace()

    page = staff.post(
        NEW_KEY, {"name": "orders 2027", "marketplace": marketplace.pk, "can_write": "on", "lifetime": "90"}
    )

    secret = re.search(r'id="new-key">(sw_[^<]+)<', page.content.decode())[1]
    key = api_keys.verify(secret, at=page.wsgi_request.user.date_joined)
    assert (key.marketplace, key.merchant, key.can_write) == (marketplace, None, True)
    assert 89 <= (key.expires_at - key.created_at).days <= 90
    assert "no-store" in page["Cache-Control"]
    assert secret not in staff.get(reverse("admin:accounts_apikey_change", args=[key.pk])).content.decode()
    assert AuditEvent.objects.get(kind="api_key.issued").by == "ops@storeward.example"


def test_a_key_without_its_marketplace_is_asked_for_again(staff: Client):
    page = staff.post(NEW_KEY, {"name": "orders 2027", "marketplace": "", "lifetime": "90"}).content.decode()

    assert "This field is required." in page
    assert "orders 2027" in page
    assert not ApiKey.objects.exists()


def test_a_leaked_key_is_revoked_at_once(staff: Client):
    key, secret = api_keys.issue(
        name="orders", can_write=True, expires_at=None, marketplace=make_marketplace(), by="ana", at=NOON
    )

    staff.post(KEYS, {"action": "revoke", "_selected_action": [key.pk]})

    with pytest.raises(api_keys.KeyRefused):
        api_keys.verify(secret, at=NOON)
    assert AuditEvent.objects.get(kind="api_key.revoked").by == "ops@storeward.example"


@pytest.mark.parametrize("right", ["view_apikey", "add_merchant"])
def test_staff_without_the_right_neither_make_nor_revoke_keys(client: Client, right: str):
    person = make_user(email="reader@storeward.example", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_apikey"), Permission.objects.get(codename=right))
    client.force_login(person)
    key, secret = api_keys.issue(
        name="orders", can_write=True, expires_at=None, marketplace=make_marketplace(), by="ana", at=NOON
    )

    assert client.get(NEW_KEY).status_code == 403
    client.post(KEYS, {"action": "revoke", "_selected_action": [key.pk]})

    assert api_keys.verify(secret, at=NOON) == key


def test_what_staff_change_of_a_merchant_is_audited(staff: Client, merchant: Merchant):
    staff.post(page_of(merchant), profile_of(merchant, city="Whangārei"))

    merchant.refresh_from_db()
    event = AuditEvent.objects.get(kind="merchant.changed")
    assert merchant.city == "Whangārei"
    assert (event.by, event.data) == ("ops@storeward.example", {"city": "Whangārei"})


def test_a_currency_that_is_none_is_refused(staff: Client, merchant: Merchant):
    page = staff.post(page_of(merchant), profile_of(merchant, currency="KIW")).content.decode()

    merchant.refresh_from_db()
    assert "KIW is not one of the available choices" in page
    assert merchant.currency == "NZD"


def test_the_last_owner_stays_whatever_staff_send(staff: Client, merchant: Merchant, owner: User):
    belongs = Membership.objects.get(user=owner)
    inline = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(belongs.pk),
        "memberships-0-merchant": str(merchant.pk),
        "memberships-0-role": "viewer",
        "memberships-0-DELETE": "on",
    }

    staff.post(page_of(merchant), {**profile_of(merchant), **inline})

    belongs.refresh_from_db()
    assert belongs.role == "owner"


def test_staff_add_a_person_who_can_sign_in_at_once(staff: Client):
    new = reverse("admin:accounts_user_add")
    assert "E-mail address" in staff.get(new).content.decode()

    staff.post(
        new, {"email": "Mere@Storeward.example", "password1": "tall kauri of 1840", "password2": "tall kauri of 1840"}
    )

    person = User.objects.get(email="mere@storeward.example")
    assert person.check_password("tall kauri of 1840")
    assert person.emailaddress_set.get().verified


def test_two_people_of_one_address_are_refused(staff: Client, owner: User):
    twice = {"email": owner.email.upper(), "password1": "tall kauri of 1840", "password2": "tall kauri of 1840"}

    page = staff.post(reverse("admin:accounts_user_add"), twice).content.decode()

    assert "already exists" in page
    assert User.objects.filter(email__iexact=owner.email).count() == 1
