"""The words of auto-accept rules."""

from __future__ import annotations

from django.db.models import TextChoices


class Verdict(TextChoices):
    ACCEPT = "accept", "Accept"
    ASK = "ask", "Ask me"


class CustomerKind(TextChoices):
    ANY = "", "Anybody"
    NEW = "new", "Orders for the first time"
    KNOWN = "known", "Has ordered before"


class Listed(TextChoices):
    """How a list of countries is meant."""

    ANY = "", "Any country"
    IN = "in", "One of these"
    NOT_IN = "not_in", "None of these"


class SkuMatch(TextChoices):
    """How a list of the beginnings of SKUs is meant."""

    ANY = "", "Any products"
    ALL = "all", "Every line begins with one of these"
    SOME = "some", "At least one line does"
    NONE = "none", "No line does"


class ArrivedIn(TextChoices):
    ANY = "", "At any time"
    OPEN = "open", "In opening hours"
    CLOSED = "closed", "Outside opening hours"
