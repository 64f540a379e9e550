"""How much memory a form may take."""

from __future__ import annotations

from dataclasses import dataclass

from pock_mlir.tuning.convolution import Convolution
from pock_mlir.tuning.form import Form, Subject

_ELEMENTS_OF_A_MEBIBYTE = (1 << 20) // 4


@dataclass(frozen=True)
class Limits:
    """What forms may take at most, in MiB of f32.

    Attributes:
        copy: of a tensor that a step arranges anew for a product.
        kernel: of the kernel of a convolution as Winograd's form has it, which a frozen one keeps.
        parts: of the image and the products of Winograd's form together, while it is computed.
    """

    copy: int = 32
    kernel: int = 8
    parts: int = 16

    def allow(self, form: Form, subject: Subject) -> bool:
        """Whether a form keeps to them.

        What has a large result is arranged in no way: it keeps its shape, so that an update that
        adds another gradient, as that of a tied embedding, need not store it.
        """
        if isinstance(subject, Convolution):
            kernel, parts = form.transformed(subject)
            return _fits(kernel, self.kernel) and _fits(parts, self.parts)
        is_large = not self.allows_copy(subject.count * subject.m * subject.n)
        return _fits(max(form.arranged(subject), default=0), 0 if is_large else self.copy)

    def allows_copy(self, elements: int) -> bool:
        """Whether a tensor may be copied in each step, or kept twice if it is frozen."""
        return _fits(elements, self.copy)


def _fits(elements: int, mebibytes: int) -> bool:
    return elements <= mebibytes * _ELEMENTS_OF_A_MEBIBYTE
