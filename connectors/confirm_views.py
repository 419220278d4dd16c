"""A person looks at the key that a server shows, or at a new address, and says whether it is the supplier's."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors import pending
from connectors.errors import ConnectorError, MovedError, ServerKeyError
from connectors.forms import ConnectForm, ReconnectForm
from connectors.models import Connection
from connectors.models.connection import ConnectionQuerySet
from connectors.pending import Pending
from connectors.services.connections import StateRefused
from connectors.views import (
    after_connecting,
    ask_about_address,
    blame,
    connect_page,
    establish,
    reconnect_page,
    reestablish,
)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def confirm_server(request: MerchantRequest) -> HttpResponse:
    asked = pending.kept(request.session, merchant_id=request.merchant.pk, at=timezone.now())
    if asked is None:
        messages.error(request, "Nothing waits to be confirmed any more. Begin again.")
        return redirect("connectors:list")
    if request.method == "GET":
        if asked.moved_to:
            connection = get_object_or_404(_standing(request), public_id=asked.connection)
            return render(request, "connectors/confirm_address.html", {"asked": asked, "connection": connection})
        return render(request, "connectors/confirm_server.html", {"asked": asked})
    pending.forget(request.session)
    try:
        return _connect(request, asked) if not asked.connection else _reconnect(request, asked)
    except ServerKeyError as error:
        pending.keep(request.session, pending.again(asked, error), at=timezone.now())
        messages.error(request, "The server shows yet another key. Nothing was sent to it.")
        return redirect("connectors:confirm_server")


def _connect(request: MerchantRequest, asked: Pending) -> HttpResponse:
    try:
        return after_connecting(establish(request, asked.entry, platform=asked.platform, name=asked.name))
    except ServerKeyError:
        raise
    except (ConnectorError, IntegrityError) as error:
        form = ConnectForm({**_typed(asked), "name": asked.name}, platform=asked.platform)
        form.is_valid()  # it was, when it was typed; add_error() asks for it
        blame(form, error)
        return connect_page(request, asked.platform, form)


def _reconnect(request: MerchantRequest, asked: Pending) -> HttpResponse:
    connection = get_object_or_404(_standing(request), public_id=asked.connection)
    try:
        reestablish(request, connection, asked.entry, moved_to=asked.moved_to)
    except ServerKeyError:
        raise
    except MovedError as error:
        return ask_about_address(request, connection, asked.entry, error)
    except (ConnectorError, StateRefused, IntegrityError) as error:
        form = ReconnectForm(_typed(asked), connection=connection)
        form.is_valid()  # it was, when it was typed; add_error() asks for it
        blame(form, error)
        return reconnect_page(request, connection, form)
    return redirect("connectors:detail", connection.public_id)


def _standing(request: MerchantRequest) -> ConnectionQuerySet:
    return Connection.objects.of(request.merchant).standing().own()


def _typed(asked: Pending) -> dict[str, str]:
    """As the form took it. Its secrets are read once more and never shown."""
    return {"base_url": asked.base_url, **asked.credentials}
