"""A person looks at the key that a server shows, and says whether it is the supplier's."""

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
from connectors.errors import ConnectorError, ServerKeyError
from connectors.models import Connection
from connectors.pending import Pending
from connectors.services.connections import StateRefused
from connectors.views import TAKEN, after_connecting, establish, reestablish


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def confirm_server(request: MerchantRequest) -> HttpResponse:
    asked = pending.kept(request.session, merchant_id=request.merchant.pk, at=timezone.now())
    if asked is None:
        messages.error(request, "Nothing waits to be confirmed any more. Begin again.")
        return redirect("connectors:list")
    if request.method == "GET":
        return render(request, "connectors/confirm_server.html", {"asked": asked})
    pending.forget(request.session)
    try:
        return _connect(request, asked) if not asked.connection else _reconnect(request, asked)
    except ServerKeyError as error:
        pending.keep(request.session, pending.again(asked, error), at=timezone.now())
        messages.error(request, "The server shows yet another key. Nothing was sent to it.")
        return redirect("connectors:confirm_server")
    except (ConnectorError, StateRefused) as error:
        messages.error(request, str(error))
    except IntegrityError:
        messages.error(request, TAKEN)
    return _back(asked)


def _connect(request: MerchantRequest, asked: Pending) -> HttpResponse:
    return after_connecting(establish(request, asked.entry, platform=asked.platform, name=asked.name))


def _reconnect(request: MerchantRequest, asked: Pending) -> HttpResponse:
    standing = Connection.objects.of(request.merchant).standing().own()
    connection = get_object_or_404(standing, public_id=asked.connection)
    reestablish(request, connection, asked.entry)
    return redirect("connectors:detail", connection.public_id)


def _back(asked: Pending) -> HttpResponse:
    if asked.connection:
        return redirect("connectors:reconnect", asked.connection)
    return redirect("connectors:connect", asked.platform)
