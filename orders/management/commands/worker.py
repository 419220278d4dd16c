"""Run the background work under supervision: django-q2's cluster, watched and replaced when it hangs."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.supervisor import Supervisor


class Command(BaseCommand):
    help = "Carry out what was promised: captures, pushes, mails. Ends on SIGTERM once running work is done."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--canary-every", type=float, default=20.0, help="Seconds between two canary tasks.")
        parser.add_argument("--canary-limit", type=float, default=90.0, help="Seconds until a canary counts as dead.")
        parser.add_argument("--drain", type=float, default=75.0, help="Seconds that running work has at the end.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if min(options["canary_every"], options["canary_limit"], options["drain"]) <= 0:
            raise CommandError("The limits are seconds and must be more than zero.", returncode=2)
        call_command("schedules", verbosity=0, stdout=self.stdout)
        supervisor = Supervisor(
            canary_every_s=options["canary_every"],
            canary_limit_s=options["canary_limit"],
            drain_s=options["drain"],
        )
        supervisor.run()
