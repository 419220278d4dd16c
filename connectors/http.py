"""The one place that speaks HTTP. (Written in full by the driver's author; this is its shape.)"""

from __future__ import annotations


class HttpClient:
    """One connection's way out."""
