"""Filling in what a draft lacks: checked while it is typed, saved as far as it goes, never lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.base import Blocker, BlockerCode
from orders.enums import OrderStatus
from orders.errors import ChangedMeanwhile, InvalidOrder, OrderError
from orders.forms.drafts import SECTIONS, DraftForm, name_of, read_seen, shown_fields
from orders.models import Order
from orders.services import draft_fields, drafts
from orders.views.htmx import wants_partial


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def draft_edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = _order(request, public_id)
    if request.method == "GET" and not _may_save(order):
        messages.info(request, f"Nothing is missing in order {order.number}.")
        return redirect("orders:detail", public_id)
    form = _form(request, order)
    if wants_partial(request):
        form.is_valid()
        return render(request, "orders/_partials/draft_state.html", _context(order, form, {}) | {"oob": True})
    theirs: Mapping[str, str] = {}
    seen = request.POST.get("seen", form.seen)
    if form.is_valid():
        try:
            saved = drafts.save(
                order_id=order.pk,
                given=form.given,
                seen=read_seen(seen),
                by=request.user.get_username(),
                at=timezone.now(),
            )
        except InvalidOrder as error:
            form.refuse(error)
        except ChangedMeanwhile as error:
            messages.warning(request, str(error))
            theirs = error.theirs
            order = _order(request, public_id)
            form = _merged(request, order, theirs)
            seen = form.seen
        except OrderError as error:
            form.add_error(None, f"{error} What you typed is below and was not saved.")
        else:
            return _saved(request, saved)
    context = _context(order, form, theirs) | {"seen": seen, "is_all": "all" in request.GET}
    return render(request, "orders/draft_edit.html", context, status=422 if form.errors or theirs else 200)


def _order(request: MerchantRequest, public_id: str) -> Order:
    orders = Order.objects.of(request.merchant).select_related("merchant", "channel")
    return get_object_or_404(orders.prefetch_related("lines", "addresses", "pushes"), public_id=public_id)


def _may_save(order: Order) -> bool:
    return order.status == OrderStatus.DRAFT or bool(drafts.to_mend(order))


def _form(request: MerchantRequest, order: Order) -> DraftForm:
    """What is missing, everything with ?all=1, and whatever the page had sent: nothing typed may be dropped."""
    gaps = {draft_fields.section_of(blocker.field) for blocker in drafts.to_mend(order)}
    sections = {*SECTIONS, "customs"} if "all" in request.GET else gaps
    if request.method == "POST":
        return DraftForm(request.POST.dict(), order=order, fields=shown_fields(order, sections, request.POST))
    return DraftForm(order=order, fields=shown_fields(order, sections))


def _merged(request: MerchantRequest, order: Order, theirs: Mapping[str, str]) -> DraftForm:
    """What was typed; a field that was left as it was shown takes what somebody else has saved in it."""
    seen, typed = read_seen(request.POST.get("seen", "")), request.POST.dict()
    for path, value in theirs.items():
        if typed.get(name_of(path)) == seen.get(path):
            typed[name_of(path)] = value
    form = DraftForm(typed, order=order, fields=shown_fields(order, (), request.POST))
    form.is_valid()
    return form


def _saved(request: MerchantRequest, order: Order) -> HttpResponse:
    if order.status != OrderStatus.DRAFT:
        messages.success(request, f"Order {order.number} is complete. Its destinations are being asked.")
        return redirect("orders:detail", order.public_id)
    missing = len(order.blockers)
    what = "One thing is" if missing == 1 else f"{missing} things are"
    messages.warning(request, f"Saved. {what} still missing.")
    return redirect("orders:draft", order.public_id)


def _context(order: Order, form: DraftForm, theirs: Mapping[str, str]) -> dict[str, Any]:
    """`theirs`: what somebody else has saved meanwhile, by field."""
    values = form.values if form.is_bound else form.kept
    gaps = [*drafts.gaps_of(order, values), *_missed_there(order, form, values)]
    hints = {blocker.field: blocker.message for blocker in gaps}
    other = {path: value for path, value in theirs.items() if values.get(path) != value}
    customs = form.customs(hints, other)
    return {
        "order": order,
        "form": form,
        "sections": form.sections(hints, other),
        "customs": customs,
        "left": [_shown(blocker) for blocker in gaps if name_of(blocker.field) not in form.fields],
        "missing": len(gaps),
        "may_save": _may_save(order),
        "provinces": draft_fields.province_names(form.country),
        "countries": draft_fields.countries() if customs else (),
    }


def _missed_there(order: Order, form: DraftForm, values: Mapping[str, str]) -> list[Blocker]:
    """What destinations of a complete order refuse, as long as that is left as it stands."""
    if order.status == OrderStatus.DRAFT:
        return []
    return [
        blocker
        for blocker in drafts.to_mend(order)
        if values.get(blocker.field, form.kept.get(blocker.field)) == form.kept.get(blocker.field)
    ]


def _shown(blocker: Blocker) -> dict[str, Any]:
    """What cannot be typed on this page, and where it is mended."""
    return {"blocker": blocker, "link": blocker.code == BlockerCode.UNMAPPED_SKU}
