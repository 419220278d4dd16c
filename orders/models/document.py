"""Documents of many orders, made by a worker into one PDF and kept for a few days."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Merchant, new_public_id
from orders.enums import DocumentKind, JobStatus
from orders.models.order import Order


class DocumentJobQuerySet(models.QuerySet["DocumentJob"]):
    def of(self, merchant: Merchant) -> DocumentJobQuerySet:
        return self.filter(merchant=merchant)


DocumentJobManager = models.Manager.from_queryset(DocumentJobQuerySet)


class DocumentJob(models.Model):
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="document_jobs")
    kind = models.CharField(max_length=20, choices=DocumentKind)
    incoterm = models.CharField(max_length=3, blank=True)  # of commercial invoices
    orders = models.ManyToManyField(Order, related_name="document_jobs")
    status = models.CharField(max_length=10, choices=JobStatus, default=JobStatus.WAITING)
    refusal = models.TextField(blank=True)  # plain words, a line for each order that is not ready
    content = models.BinaryField(null=True, blank=True)  # the PDF
    requested_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentJobManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DocumentKind.values), name="document_kind_known"),
            models.CheckConstraint(
                condition=Q(status="waiting", content__isnull=True, refusal="", ended_at__isnull=True)
                | Q(status="done", content__isnull=False, refusal="", ended_at__isnull=False)
                | (Q(status="refused", content__isnull=True, ended_at__isnull=False) & ~Q(refusal="")),
                name="document_job_has_what_its_status_says",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="document_job_oldest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.public_id}"
