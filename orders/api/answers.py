"""What many doors of the API answer when they refuse, for its description."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse

from orders.api.serializers import ProblemSerializer

PROBLEM = OpenApiResponse(ProblemSerializer, description="Refused; nothing was changed.")
READING = dict.fromkeys((401, 403, 404, 429), PROBLEM)
REFUSALS = dict.fromkeys((401, 403, 404, 409, 429), PROBLEM)
BODY = dict.fromkeys((400, 413, 415, 422), PROBLEM)  # of what is sent
