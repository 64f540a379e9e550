"""Which form of a product or convolution is fastest on a processor: measurements, and a model.

Plain Python and NumPy. What measures is `pock_mlir.backends.iree.measure`, what asks is the pass
`choose-kernels`; docs/tuning.md tells the whole.
"""

from pock_mlir.tuning.choice import Tuning, user_file
from pock_mlir.tuning.convolution import Convolution
from pock_mlir.tuning.database import Database, Measured, TuningError, parse_subject
from pock_mlir.tuning.form import PLAIN, Form, Subject, Tile, block_of_stream, candidates
from pock_mlir.tuning.limits import Limits
from pock_mlir.tuning.machine import MACHINES, Machine, find_machine, this_machine
from pock_mlir.tuning.product import Product

__all__ = [
    "MACHINES",
    "PLAIN",
    "Convolution",
    "Database",
    "Form",
    "Limits",
    "Machine",
    "Measured",
    "Product",
    "Subject",
    "Tile",
    "Tuning",
    "TuningError",
    "block_of_stream",
    "candidates",
    "find_machine",
    "parse_subject",
    "this_machine",
    "user_file",
]
