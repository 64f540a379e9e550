"""The table of the numeric audit: a row for each rule and each distinct mode of an op."""

from tests.gradients.case import Case
from tests.gradients.rows import (
    complex,
    contractions,
    control_flow,
    convolutions,
    elementwise,
    linear_algebra,
    moving,
    reductions,
    scattering,
    sorting,
    special,
    windows,
)

ROWS: list[Case] = [
    *elementwise.ROWS,
    *moving.ROWS,
    *reductions.ROWS,
    *windows.ROWS,
    *contractions.ROWS,
    *convolutions.ROWS,
    *special.ROWS,
    *complex.ROWS,
    *linear_algebra.ROWS,
    *control_flow.ROWS,
    *scattering.ROWS,
    *sorting.ROWS,
]
