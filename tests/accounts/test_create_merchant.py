"""The command that makes the first merchant of an installation."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, Merchant, User
from accounts.services import api_keys
from tests.factories import NOON, make_merchant, make_user

pytestmark = pytest.mark.django_db
GOOD = {"name": "Kauri & Clay", "slug": "kauri-and-clay", "email": "Ana@Kauri.example"}


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tall kauri of 1840\n"))


def run(*args: str, **given: str) -> str:
    out = io.StringIO()
    call_command("create_merchant", *(GOOD | given).values(), "--password-stdin", *args, stdout=out)
    return out.getvalue()


def test_a_merchant_an_owner_and_a_marketplace_s_key_are_made():
    said = run("--marketplace", "Archi Pro!")

    owner = User.objects.get(email="ana@kauri.example")
    assert owner.check_password("tall kauri of 1840")
    assert "Kauri & Clay is there. Its owner signs in as ana@kauri.example." in said
    merchant = Merchant.objects.get(slug="kauri-and-clay")
    assert Membership.objects.get(user=owner, merchant=merchant).role == "owner"
    key = api_keys.verify(re.search(r"sw_\S+", said)[0], at=NOON)
    assert (key.marketplace.slug, list(key.marketplace.merchants.all()), key.can_write) == (
        "archi-pro",
        [merchant],
        True,
    )


def test_a_second_merchant_of_a_marketplace_gets_no_second_key():
    run("--marketplace", "Archi Pro")

    said = run("--marketplace", "Archi Pro", slug="rimu", email="ana@kauri.example")

    assert "sw_" not in said
    assert Merchant.objects.filter(marketplaces__slug="archi-pro").count() == 2


def test_somebody_who_has_an_account_keeps_the_password(monkeypatch: pytest.MonkeyPatch):
    known = make_user(email="ana@kauri.example")
    monkeypatch.setattr("sys.stdin", None)

    run()

    known.refresh_from_db()
    assert known.memberships.get().merchant.slug == "kauri-and-clay"


@pytest.mark.parametrize(
    ("args", "given", "says"),
    [
        (("--currency", "KIW"), {}, "currency: Select a valid choice. KIW"),
        (("--country", "Atlantis"), {}, "country_code: Select a valid choice. Atlantis"),
        (("--time-zone", "Pacific/Atlantis"), {}, "time_zone: Select a valid choice. Pacific/Atlantis"),
        (("--marketplace", "!!!"), {}, "A marketplace's name needs a letter or a digit."),
        ((), {"slug": "kauri and clay"}, "valid “slug”"),
        ((), {"slug": "taken"}, "There is a merchant taken already."),
        ((), {"email": "ana"}, "Enter a valid email address."),
        ((), {"name": ""}, "name: This field is required."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence_and_nothing_is_made(args: tuple[str, ...], given: dict, says: str):
    make_merchant(slug="taken")

    with pytest.raises(CommandError, match=re.escape(says)) as refused:
        run(*args, **given)

    assert refused.value.returncode == 2
    assert Merchant.objects.count() == 1
    assert not User.objects.exists()


def test_a_weak_password_is_refused_and_nothing_is_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("kauri\n"))

    with pytest.raises(CommandError, match="too short") as refused:
        run()

    assert refused.value.returncode == 2
    assert not Merchant.objects.exists()
