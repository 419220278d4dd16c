"""API keys: whoever has the whole key, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError

from accounts.models import ApiKey
from accounts.services import api_keys
from tests.factories import NOON, make_marketplace, make_merchant

pytestmark = pytest.mark.django_db


def issue(**fields):
    fields.setdefault("merchant", make_merchant())
    return api_keys.issue(
        **{"name": "scripts", "can_write": True, "expires_at": None, "by": "ana", "at": NOON, **fields}
    )


def test_the_whole_key_is_accepted():
    key, secret = issue()

    assert api_keys.verify(secret, at=NOON) == key


def test_a_key_that_is_off_by_one_character_is_refused():
    _, secret = issue()
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")

    with pytest.raises(api_keys.KeyRefused):
        api_keys.verify(wrong, at=NOON)


@pytest.mark.parametrize("secret", ["", "sw", "sw__", "sw_00000000_x", "x" * 5000, "sw_\x00_y"])
def test_nonsense_is_refused(secret: str):
    with pytest.raises(api_keys.KeyRefused):
        api_keys.verify(secret, at=NOON)


def test_a_revoked_key_is_refused_at_once():
    key, secret = issue()
    api_keys.revoke(key_id=key.pk, by="ana", at=NOON)

    with pytest.raises(api_keys.KeyRefused):
        api_keys.verify(secret, at=NOON)


def test_a_key_that_ran_out_is_refused():
    _, secret = issue(expires_at=NOON)

    with pytest.raises(api_keys.KeyRefused):
        api_keys.verify(secret, at=NOON)


def test_the_key_of_a_closed_merchant_is_refused():
    _, secret = issue(merchant=make_merchant(is_active=False))

    with pytest.raises(api_keys.KeyRefused):
        api_keys.verify(secret, at=NOON)


def test_the_database_holds_no_usable_key():
    key, secret = issue()

    assert secret not in str(ApiKey.objects.filter(pk=key.pk).values().get())


def test_last_use_is_kept_to_the_minute():
    key, secret = issue()
    api_keys.verify(secret, at=NOON)
    api_keys.verify(secret, at=NOON + timedelta(seconds=59))

    key.refresh_from_db()
    assert key.last_used_at == NOON


def test_a_key_belongs_to_a_marketplace_or_a_merchant_not_both():
    with pytest.raises(IntegrityError):
        issue(merchant=make_merchant(), marketplace=make_marketplace())
