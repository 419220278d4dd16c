"""Who may see and who may change: put on every page of a merchant."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Role

View = TypeVar("View", bound=Callable[..., HttpResponse])

_RANK = {Role.VIEWER: 0, Role.MANAGER: 1, Role.OWNER: 2}


def merchant_required(view: View) -> View:
    """For members of any role. People without a merchant get a page that says so."""
    return role_required(Role.VIEWER)(view)


def role_required(role: Role) -> Callable[[View], View]:
    """For members with at least this role; others get a 403 page in plain words."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            membership = getattr(request, "membership", None)
            if membership is None:
                return render(request, "accounts/no_merchant.html", status=403)
            if _RANK[Role(membership.role)] < _RANK[role]:
                raise PermissionDenied(f"Your role ({Role(membership.role).label}) may look at this but not change it.")
            return view(request, *args, **kwargs)

        return checked  # type: ignore[return-value]  # same signature as the view

    return decorate
