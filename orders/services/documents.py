"""Packing slips and commercial invoices: checked, and made at once or by a worker. Nothing is made with a gap in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from connectors.money import total
from orders import outbox
from orders.enums import AddressKind, DocumentKind, JobStatus, OrderStatus, ShipmentStatus, Topic
from orders.errors import DocumentsRefused, FieldProblem, OrderError, OrderGaps
from orders.models import DocumentJob, Order, OrderAddress, OutboxMessage
from orders.services import document_pages
from orders.services.document_pages import Content, Packed
from orders.services.looks import ELSEWHERE
from orders.services.open_units import STANDING
from orders.world import World

AT_ONCE = 20  # more are made by a worker
MOST_ORDERS = 200
INCOTERMS = ("EXW", "FCA", "CPT", "CIP", "DAP", "DPU", "DDP", "FAS", "FOB", "CFR", "CIF")  # Incoterms 2020, ICC
DEFAULT_INCOTERM = "DAP"
_CALLED_OFF = (OrderStatus.DECLINED, OrderStatus.EXPIRED, OrderStatus.CANCELLED)
_ADDRESS = (("address1", "the street"), ("city", "the city"), ("country_code", "the country"))


def make(*, order_ids: Sequence[int], kind: DocumentKind, incoterm: str = DEFAULT_INCOTERM) -> bytes:
    """One PDF, the orders as they stand in the list. Raises DocumentsRefused with all that is missing."""
    orders = list(_read(order_ids))
    gaps = [gap for gap in (gaps_of(order, kind, incoterm) for order in orders) if gap.problems]
    if gaps:
        raise DocumentsRefused(gaps)
    if not orders:
        raise OrderError("No order was chosen.")
    return document_pages.write(kind, [_content(order, incoterm) for order in orders])


def gaps_of(order: Order, kind: DocumentKind, incoterm: str = DEFAULT_INCOTERM) -> OrderGaps:
    """What an order lacks for this document; from rows that are read already."""
    problems = list(_gaps(order))
    if kind == DocumentKind.COMMERCIAL_INVOICE:
        problems += _customs_gaps(order, incoterm)
    return OrderGaps(order.number, order.public_id, tuple(problems))


@transaction.atomic
def promise(
    *, merchant: Merchant, order_ids: Sequence[int], kind: DocumentKind, incoterm: str, by: str, at: datetime
) -> DocumentJob:
    """Have a worker make them. Raises OrderError for none, for too many, and for an Incoterm that does not exist."""
    chosen = list(Order.objects.of(merchant).filter(pk__in=order_ids).order_by("pk"))
    if not chosen:
        raise OrderError("No order was chosen.")
    if len(chosen) > MOST_ORDERS:
        raise OrderError(f"One document holds {MOST_ORDERS} orders at the most.")
    if kind == DocumentKind.COMMERCIAL_INVOICE and incoterm not in INCOTERMS:
        raise OrderError("This is no Incoterm of 2020.")
    job = DocumentJob.objects.create(
        merchant=merchant,
        kind=kind,
        incoterm=incoterm if kind == DocumentKind.COMMERCIAL_INVOICE else "",
        requested_by=by,
        created_at=at,
    )
    job.orders.add(*chosen)
    key, payload = f"documents:{job.public_id}", {"job": job.pk}
    outbox.post(Topic.MAKE_DOCUMENTS, order=chosen[0], key=key, at=at, payload=payload)
    subject = f"{DocumentKind(kind).label} of {len(chosen)} orders"
    audit.record(merchant=merchant, kind="documents.requested", subject=subject, by=by, at=at, job=job.public_id)
    return job


def carry_out(message: OutboxMessage, world: World) -> Iterator[str]:
    """MAKE_DOCUMENTS: the PDF, or why there is none. Safe to repeat: the same orders are the same bytes."""
    job = DocumentJob.objects.filter(pk=message.payload["job"]).first()
    if job is None:  # the customer of one of its orders was forgotten
        return
    order_ids = list(job.orders.values_list("pk", flat=True))
    yield "drawing"
    content, refusal = None, ""
    try:
        content = make(order_ids=order_ids, kind=DocumentKind(job.kind), incoterm=job.incoterm or DEFAULT_INCOTERM)
    except OrderError as error:
        refusal = str(error)
    yield "drawn"
    with outbox.finishing(message, at=world.now()):
        job.status = JobStatus.REFUSED if refusal else JobStatus.DONE
        job.content, job.refusal, job.ended_at = content, refusal, world.now()
        job.save(update_fields=["status", "content", "refusal", "ended_at"])


def _read(order_ids: Sequence[int]) -> Iterable[Order]:
    orders = Order.objects.filter(pk__in=order_ids).select_related("merchant", "channel")
    parts = "lines", "addresses", "pushes__push_lines", "pushes__connection", "fulfillments__lines"
    return orders.prefetch_related(*parts).order_by("placed_at", "pk")


def _content(order: Order, incoterm: str) -> Content:
    addresses = document_pages.addresses_of(order)
    shipping = None if order.has_pickup else addresses.get(AddressKind.SHIPPING)
    return Content(order, packed(order), shipping, addresses.get(AddressKind.BILLING), incoterm, _freight(order))


def _freight(order: Order) -> Decimal:
    """What the customer paid for shipping that no destination was given; a partner's own price is none of it."""
    going = (push for push in order.pushes.all() if push.status not in ELSEWHERE and push.connection.source_id is None)
    return max(order.shipping - total(push.shipping for push in going), Decimal(0))


def packed(order: Order) -> list[Packed]:
    """The goods that are sent, or were sent, from here: not what was given back before, nor what a destination sends."""
    elsewhere = {
        row.line_id for push in order.pushes.all() if push.status not in ELSEWHERE for row in push.push_lines.all()
    }
    ours, theirs, sent = Counter[int](), Counter[int](), Counter[int]()
    for fulfillment in order.fulfillments.all():
        units = {row.line_id: row.quantity for row in fulfillment.lines.all()}
        if fulfillment.status in STANDING:
            (theirs if fulfillment.push_id else ours).update(units)
        if fulfillment.status == ShipmentStatus.SUCCESS and not fulfillment.push_id:
            sent.update(units)
    goods = sorted((line for line in order.lines.all() if line.requires_shipping), key=lambda line: line.position)
    rows = ((line, 0 if line.pk in elsewhere else line.due_quantity - theirs[line.pk]) for line in goods)
    here = ((line, max(due, ours[line.pk])) for line, due in rows)
    return [Packed(line, due, sent[line.pk]) for line, due in here if due > 0]


def _gaps(order: Order) -> Iterator[FieldProblem]:
    if order.status in _CALLED_OFF:
        status = OrderStatus(order.status).label.lower()
        yield FieldProblem("status", "called_off", f"The order is {status}.")
    if not packed(order):
        yield FieldProblem("lines", "nothing_to_send", "Nothing of it is sent from here.")
    if order.has_pickup:
        return
    address = document_pages.addresses_of(order).get(AddressKind.SHIPPING) or OrderAddress()
    if not (address.full_name or address.company or order.customer_name):
        yield FieldProblem("customer.name", "missing", "The customer's name is missing.")
    for name, words in _ADDRESS:
        if not getattr(address, name):
            yield FieldProblem(f"shipping_address.{name}", "missing", f"The shipping address lacks {words}.")


def _customs_gaps(order: Order, incoterm: str) -> Iterator[FieldProblem]:
    if incoterm not in INCOTERMS:
        yield FieldProblem("incoterm", "unknown_incoterm", "This is no Incoterm of 2020.")
    if order.has_pickup:
        yield FieldProblem("delivery", "not_sent", "The customer collects it: nothing crosses a border.")
    if not order.merchant.address1:
        yield FieldProblem("merchant.address1", "missing", "Your own address is missing: Settings, Business.")
    if not (order.invoice_number or order.invoice_key):
        yield FieldProblem("invoice_number", "missing", "The invoice is missing. Give its number or its key.")
    for line in (row.line for row in packed(order)):
        for name, words in (("hs_code", "the HS code"), ("origin_country", "the country of origin")):
            if not getattr(line, name):
                yield FieldProblem(f"lines[{line.position}].{name}", "missing", f"{line.title} lacks {words}.")
        if document_pages.value_of(line) <= 0:
            yield FieldProblem(f"lines[{line.position}].customs_value", "missing", f"{line.title} lacks a value.")
