"""Make a merchant with its first owner, and a marketplace key when asked for."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email, validate_slug
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.forms import ProfileForm
from accounts.models import Marketplace, Merchant, User
from accounts.services import api_keys, merchants

BY = "create_merchant"


class Command(BaseCommand):
    help = "Make a merchant, its owner's account and, with --marketplace, an API key that may place orders."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What the business is called.")
        parser.add_argument("slug", help="Its name in the API: kauri-and-clay.")
        parser.add_argument("email", help="The owner's address.")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="Read the owner's first password from standard input; else it is asked for. Who has an account keeps it.",
        )
        parser.add_argument("--currency", default="NZD")
        parser.add_argument("--country", default="NZ")
        parser.add_argument("--time-zone", default="Pacific/Auckland")
        parser.add_argument("--marketplace", default="", help="Sell on this marketplace; made when it does not exist.")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self._refuse(options)
            with transaction.atomic():
                self._make(options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error

    @staticmethod
    def _refuse(options: dict[str, Any]) -> None:
        """The shape of what was given, before a password is asked for. Raises ValidationError."""
        validate_slug(options["slug"])
        validate_email(options["email"])
        form = ProfileForm(_profile(options))
        if not form.is_valid():
            raise ValidationError(
                [f"{field}: {message}" for field, messages in form.errors.items() for message in messages]
            )
        if Merchant.objects.filter(slug=options["slug"]).exists():
            raise ValidationError(f"There is a merchant {options['slug']} already.")
        if options["marketplace"] and not slugify(options["marketplace"]):
            raise ValidationError("A marketplace's name needs a letter or a digit.")

    def _make(self, options: dict[str, Any]) -> None:
        merchant = merchants.create(
            slug=options["slug"],
            owner=self._owner(options["email"].lower(), from_stdin=options["password_stdin"]),
            by=BY,
            at=timezone.now(),
            **_profile(options),
        )
        self.stdout.write(f"{merchant.name} is there. Its owner signs in as {options['email'].lower()}.")
        if options["marketplace"]:
            self._sell_on(merchant, options["marketplace"])

    @staticmethod
    def _owner(email: str, *, from_stdin: bool) -> User:
        known = User.objects.filter(email=email).first()
        if known is not None:
            return known
        password = sys.stdin.readline().rstrip("\n") if from_stdin else getpass("The owner's first password: ")
        validate_password(password, User(email=email))
        user = User.objects.create_user(email, password)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        return user

    def _sell_on(self, merchant: Merchant, name: str) -> None:
        marketplace, created = Marketplace.objects.get_or_create(slug=slugify(name), defaults={"name": name})
        marketplace.merchants.add(merchant)
        if created:
            _, secret = api_keys.issue(
                name=f"{name} orders",
                can_write=True,
                expires_at=None,
                marketplace=marketplace,
                by=BY,
                at=timezone.now(),
            )
            self.stdout.write(f"{name} places orders with this API key; it is not shown again: {secret}")


def _profile(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": options["name"],
        "currency": options["currency"],
        "country_code": options["country"],
        "time_zone": options["time_zone"],
    }
