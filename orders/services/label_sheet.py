"""Labels as one PDF: each on a page of its own of 4 by 6 inches, the size of label printers. Calls nobody."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image
from reportlab.lib.units import inch
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_WIDTH, _HEIGHT = 4 * inch, 6 * inch


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
