"""Make a merchant with its first owner, and a marketplace key when asked for."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email, validate_slug
from django.db import transaction
from django.utils import timezone

from accounts.models import Marketplace, Merchant, User, validate_time_zone
from accounts.services import api_keys, merchants

BY = "create_merchant"


class Command(BaseCommand):
    help = "Make a merchant, its owner's account and, with --marketplace, an API key that may place orders."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What the business is called.")
        parser.add_argument("slug", help="Its name in the API: kauri-and-clay.")
        parser.add_argument("email", help="The owner's address.")
        parser.add_argument("--password", required=True, help="The owner's first password.")
        parser.add_argument("--currency", default="NZD")
        parser.add_argument("--country", default="NZ")
        parser.add_argument("--time-zone", default="Pacific/Auckland")
        parser.add_argument("--marketplace", default="", help="Sell on this marketplace; made when it does not exist.")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                self._make(options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error

    def _make(self, options: dict[str, Any]) -> None:
        validate_slug(options["slug"])
        validate_time_zone(options["time_zone"])
        if Merchant.objects.filter(slug=options["slug"]).exists():
            raise CommandError(f"There is a merchant {options['slug']} already.", returncode=2)
        merchant = merchants.create(
            name=options["name"],
            slug=options["slug"],
            owner=self._owner(options["email"].lower(), options["password"]),
            by=BY,
            at=timezone.now(),
            currency=options["currency"],
            country_code=options["country"],
            time_zone=options["time_zone"],
        )
        self.stdout.write(f"{merchant.name} is there. Its owner signs in as {options['email'].lower()}.")
        if options["marketplace"]:
            self._sell_on(merchant, options["marketplace"])

    @staticmethod
    def _owner(email: str, password: str) -> User:
        validate_email(email)
        known = User.objects.filter(email=email).first()
        if known is not None:
            return known
        validate_password(password)
        user = User.objects.create_user(email, password)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        return user

    def _sell_on(self, merchant: Merchant, name: str) -> None:
        slug = name.lower().replace(" ", "-")
        marketplace, created = Marketplace.objects.get_or_create(slug=slug, defaults={"name": name})
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
