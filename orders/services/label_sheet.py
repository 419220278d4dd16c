"""Labels as one PDF: each on a page of its own of 4 by 6 inches, the size of label printers. Calls nobody."""

from __future__ import annotations

import io
from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet
from PIL import Image
from reportlab.lib.units import inch
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from orders.models import LabelBox, LabelStatus, ShippingLabel

MOST_PRINTED = 200  # labels in one PDF
_WIDTH, _HEIGHT = 4 * inch, 6 * inch


def printable(chosen: QuerySet[ShippingLabel]) -> QuerySet[ShippingLabel]:
    """Those that are bought and of which a picture is kept."""
    pictured = LabelBox.objects.filter(label=OuterRef("pk"), image__isnull=False)
    return chosen.filter(Exists(pictured), status=LabelStatus.BOUGHT)


def of(chosen: QuerySet[ShippingLabel]) -> bytes:
    """One PDF of those that can be printed; empty when there are none. One query."""
    boxes = LabelBox.objects.filter(label__in=printable(chosen), image__isnull=False).order_by("label_id", "position")
    pictures = [bytes(image or b"") for image in boxes.values_list("image", flat=True)]
    return write(pictures) if pictures else b""


def write(pictures: Iterable[bytes]) -> bytes:
    """One page for each GIF. The same pictures are the same bytes."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), invariant=1, pageCompression=1)
    canvas.setTitle("Shipping labels")
    canvas.setCreator("Storeward")
    for picture in pictures:
        image = _upright(picture)
        scale = min(_WIDTH / image.width, _HEIGHT / image.height)
        width, height = image.width * scale, image.height * scale
        canvas.drawImage(ImageReader(image), (_WIDTH - width) / 2, _HEIGHT - height, width, height)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _upright(picture: bytes) -> Image.Image:
    """Carriers send the picture of a label on its side; the reader's top is to the left."""
    image = Image.open(io.BytesIO(picture)).convert("L")
    return image.rotate(-90, expand=True) if image.width > image.height else image
