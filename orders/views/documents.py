"""Packing slips and commercial invoices: of one order, of many, and what customs asks for."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.enums import DocumentKind, JobStatus, OrderStatus
from orders.errors import DocumentsRefused, InvalidShipment, OrderError
from orders.forms.documents import CustomsForm, IncotermForm, ManyForm
from orders.models import DocumentJob, Order, OrderLine
from orders.services import customs_data, documents
from orders.views import pdf


@require_http_methods(["GET", "POST"])
@merchant_required
def order_documents(request: MerchantRequest, public_id: str) -> HttpResponse:
    """What can be printed, what is missing for it, and the fields that mend it."""
    order = _order(request, public_id)
    if request.method == "POST":
        return _save_customs(request, public_id)
    return _page(request, order, CustomsForm(order=order, lines=_lines(order)))


@require_GET
@merchant_required
def document(request: MerchantRequest, public_id: str, kind: str) -> HttpResponse:
    """The PDF of one order; with a gap, the page that says what is missing."""
    if kind not in DocumentKind.values:
        raise Http404
    order = _order(request, public_id)
    incoterm = request.GET.get("incoterm", documents.DEFAULT_INCOTERM)
    try:
        content = documents.make(order_ids=[order.pk], kind=DocumentKind(kind), incoterm=incoterm)
    except OrderError as error:
        messages.error(request, str(error))
        return redirect("orders:documents", public_id)
    return pdf.download(content, f"{kind}-{order.number}")


@require_POST
@role_required(Role.MANAGER)
def documents_many(request: MerchantRequest) -> HttpResponse:
    """Of the orders that were chosen in the list: few at once, many by a worker."""
    chosen = request.POST.getlist("orders")[: documents.MOST_ORDERS + 1]
    orders = list(Order.objects.of(request.merchant).filter(public_id__in=chosen).order_by("placed_at", "pk"))
    if not orders or len(orders) > documents.MOST_ORDERS:
        text = f"Choose at most {documents.MOST_ORDERS} orders." if orders else "No order was chosen."
        messages.warning(request, text)
        return redirect("orders:list")
    form = ManyForm(request.POST if "kind" in request.POST else None)
    refused: DocumentsRefused | None = None
    if form.is_valid():
        try:
            return _make(request, orders, DocumentKind(form.cleaned_data["kind"]), form.cleaned_data["incoterm"])
        except DocumentsRefused as error:
            refused = error
        except OrderError as error:
            form.add_error(None, str(error))
    context = {"orders": orders, "form": form, "refused": refused, "at_once": documents.AT_ONCE}
    return render(request, "orders/documents_many.html", context, status=422 if refused or form.errors else 200)


@require_GET
@merchant_required
def document_job(request: MerchantRequest, public_id: str) -> HttpResponse:
    job = get_object_or_404(DocumentJob.objects.of(request.merchant).defer("content"), public_id=public_id)
    context = {"job": job, "count": job.orders.count(), "waits": job.status == JobStatus.WAITING}
    return render(request, "orders/document_job.html", context)


@require_GET
@merchant_required
def document_file(request: MerchantRequest, public_id: str) -> HttpResponse:
    job = get_object_or_404(DocumentJob.objects.of(request.merchant), public_id=public_id, status=JobStatus.DONE)
    return pdf.download(bytes(job.content or b""), f"{job.kind}-{job.created_at:%Y-%m-%d}")


def _make(request: MerchantRequest, orders: list[Order], kind: DocumentKind, incoterm: str) -> HttpResponse:
    order_ids = [order.pk for order in orders]
    if len(orders) <= documents.AT_ONCE:
        return pdf.download(documents.make(order_ids=order_ids, kind=kind, incoterm=incoterm), kind)
    by, at = request.user.get_username(), timezone.now()
    job = documents.promise(merchant=request.merchant, order_ids=order_ids, kind=kind, incoterm=incoterm, by=by, at=at)
    return redirect("orders:document_job", job.public_id)


@role_required(Role.MANAGER)
def _save_customs(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = _order(request, public_id)
    form = CustomsForm(request.POST, order=order, lines=_lines(order))
    if form.is_valid():
        by, given = request.user.get_username(), form.given
        try:
            customs_data.save(order_id=order.pk, given=given, by=by, at=timezone.now())
        except InvalidShipment as error:
            form.refuse(error)
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved.")
            return redirect("orders:documents", public_id)
    return _page(request, order, form)


def _page(request: MerchantRequest, order: Order, form: CustomsForm) -> HttpResponse:
    slip, invoice = (documents.gaps_of(order, kind) for kind in DocumentKind)
    context = {
        "order": order,
        "slip_gaps": slip.problems,
        "invoice_gaps": invoice.problems,
        "incoterm_form": IncotermForm(),
        "form": form,
        "is_draft": order.status == OrderStatus.DRAFT,
    }
    return render(request, "orders/order_documents.html", context, status=422 if form.errors else 200)


def _order(request: MerchantRequest, public_id: str) -> Order:
    rows = Order.objects.of(request.merchant).select_related("merchant", "channel")
    return get_object_or_404(rows.prefetch_related("lines", "addresses"), public_id=public_id)


def _lines(order: Order) -> list[OrderLine]:
    return sorted(order.lines.all(), key=lambda line: line.position)
