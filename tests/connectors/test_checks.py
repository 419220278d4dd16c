"""System checks: keys that can encrypt, and nothing of the try-out in production."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as configured
from django.core.checks import run_checks

GOOD = Fernet.generate_key().decode()
TRY_OUT = configured.CREDENTIAL_KEYS[0]


def found(*, deploy: bool = False) -> list[str]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "connectors" in message.id]


@pytest.mark.parametrize("keys", [[], [""]])
def test_no_key_is_an_error_that_tells_how_to_make_one(settings, keys: list[str]):
    settings.CREDENTIAL_KEYS = keys

    (message,) = [message for message in run_checks() if message.id == "connectors.E001"]

    assert "Fernet.generate_key()" in message.hint


@pytest.mark.parametrize("wrong", ["", "canary", "é" * 44, "Y2FuYXJ5"])
def test_what_is_no_key_is_named_by_its_place_and_not_shown(settings, wrong: str):
    settings.CREDENTIAL_KEYS = [GOOD, wrong]

    (message,) = [message for message in run_checks() if message.id == "connectors.E002"]

    assert message.msg.endswith("at place 2.")
    assert GOOD not in str(message)


def test_good_keys_are_no_error(settings):
    settings.CREDENTIAL_KEYS = [GOOD, Fernet.generate_key().decode()]

    assert found() == []


def in_production(settings) -> None:
    settings.PRACTICE_STORES, settings.ALLOW_LOOPBACK, settings.CREDENTIAL_KEYS = False, False, [GOOD]


def test_a_portal_for_real_people_passes(settings):
    in_production(settings)

    assert found(deploy=True) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PRACTICE_STORES", True, "connectors.E003"),
        ("ALLOW_LOOPBACK", True, "connectors.E004"),
        ("CREDENTIAL_KEYS", [GOOD, TRY_OUT], "connectors.E005"),
    ],
)
def test_what_only_the_try_out_may_have_is_refused_by_check_deploy(settings, name: str, value: object, message: str):
    in_production(settings)
    setattr(settings, name, value)

    assert found(deploy=True) == [message]


def test_the_try_out_itself_passes_without_deploy(settings):
    settings.PRACTICE_STORES, settings.ALLOW_LOOPBACK, settings.CREDENTIAL_KEYS = True, True, [TRY_OUT]

    assert found() == []
