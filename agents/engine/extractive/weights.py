"""The weights of the ranking and of its confidence, as `python -m benchmarks.quality.fit_ranking` printed them."""

from collections.abc import Mapping
from types import MappingProxyType

MEASURES: Mapping[str, float] = MappingProxyType({"sentence": 4.64, "beside": 3.44, "passage": 2.5, "pairs": 3.19})
CONFIDENCE: Mapping[str, float] = MappingProxyType(
    {"bias": 1.91, "score": 0.16, "log_share": 0.35, "lacks_name": -0.84}
)
WEAK_BELOW, REFUSED_BELOW = 0.8, 0.4
"""Confidence below which an answer is called weak, and below which none is given."""
