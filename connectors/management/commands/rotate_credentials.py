"""Write every stored secret anew with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.services import rotation


class Command(BaseCommand):
    help = (
        "Encrypt all credentials with the first of CREDENTIAL_KEYS; safe to repeat. Exit code 2: some are unreadable."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        reports = rotation.rotate()
        for report in reports:
            self.stdout.write(f"{report.label}: {report.renewed} written anew, {report.current} up to date.")
        lost = [f"{report.label} {pk} ({name})" for report in reports for pk, name in report.unreadable]
        if lost:
            text = f"No key in CREDENTIAL_KEYS reads {len(lost)}: {', '.join(lost)}. Add its key, or reconnect."
            raise CommandError(text, returncode=2)
