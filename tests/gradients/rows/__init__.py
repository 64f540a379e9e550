"""The table of the numeric audit: a row for each rule and each distinct mode of an op."""

from tests.gradients.case import Case
from tests.gradients.rows import (
    contractions,
    control_flow,
    elementwise,
    moving,
    reductions,
    scattering,
    sorting,
)

ROWS: list[Case] = [
    *elementwise.ROWS,
    *moving.ROWS,
    *reductions.ROWS,
    *contractions.ROWS,
    *control_flow.ROWS,
    *scattering.ROWS,
    *sorting.ROWS,
]
