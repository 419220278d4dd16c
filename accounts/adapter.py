"""Who may sign up: see accounts.services."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request):  # type: ignore[no-untyped-def]
        return False
