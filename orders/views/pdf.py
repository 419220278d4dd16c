"""PDFs as downloads."""

from __future__ import annotations

from django.http import HttpResponse


def download(content: bytes, name: str) -> HttpResponse:
    """Kept by no cache: it holds names and addresses."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "-" for each in name)
    headers = {"Content-Disposition": f'attachment; filename="{plain}.pdf"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type="application/pdf", headers=headers)
