"""`pock demo`: a pre-trained network learns a real task through programs compiled here."""

from pock_mlir.demo.images import run

__all__ = ["run"]
