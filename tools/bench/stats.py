"""What is told of repeated measurements."""

import dataclasses
import statistics
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Summary:
    """Of `count` measurements of one quantity.

    Attributes:
        mad: median of the absolute deviations from the median.
    """

    count: int
    median: float
    minimum: float
    maximum: float
    mad: float


def summarize(samples: Sequence[float]) -> Summary:
    """`samples` must not be empty."""
    median = statistics.median(samples)
    return Summary(
        count=len(samples),
        median=median,
        minimum=min(samples),
        maximum=max(samples),
        mad=statistics.median(abs(sample - median) for sample in samples),
    )
