"""Figures that the project wants to reach, beside those measured."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tools.bench import tables


@dataclasses.dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        text: what is measured, with its unit.
        bound: that the figure must not pass.
        at_least: whether `bound` is the least wanted; otherwise it is the most.
        measured: the figure, or None if it was not measured.
        shown: a number as text.
    """

    text: str
    bound: float
    measured: float | None
    at_least: bool = False
    shown: Callable[[float], str] = tables.number

    def met(self) -> bool | None:
        """None if nothing was measured."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def as_dict(self) -> dict[str, Any]:
        return {
            "goal": self.text,
            "bound": self.bound,
            "at_least": self.at_least,
            "measured": self.measured,
            "met": self.met(),
        }


def table(goals: Sequence[Goal]) -> str:
    """Markdown."""
    answers = {True: "yes", False: "**no**", None: tables.MISSING}
    rows = []
    for goal in goals:
        bound = f"{'≥' if goal.at_least else '≤'} {goal.shown(goal.bound)}"
        measured = "not measured" if goal.measured is None else goal.shown(goal.measured)
        rows.append([goal.text, bound, measured, answers[goal.met()]])
    return tables.table(["goal", "wanted", "measured", "met"], rows)


def share(value: float) -> str:
    """ "98.43 %" of 0.9843."""
    return f"{value:.2%}".replace("%", " %")


def times(value: float) -> str:
    """ "4.21×"."""
    return f"{tables.number(value)}×"
