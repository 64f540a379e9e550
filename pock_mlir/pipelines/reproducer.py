"""Reproducers: IR together with the pipeline that fails on it, in `mlir-opt`'s format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pock_mlir.pipelines.elements import Pass, PipelineError, pipeline_text

_SECTION = """
{{-#
  external_resources: {{
    mlir_reproducer: {{
      pipeline: "{pipeline}",
      disable_threading: true,
      verify_each: {verify}
    }}
  }}
#-}}
"""
_FOUND = re.compile(
    r"\{-#\s*external_resources:\s*\{\s*mlir_reproducer:\s*\{(?P<body>.*?)\}\s*\}\s*#-\}", re.DOTALL
)
_PIPELINE = re.compile(r'pipeline:\s*"((?:[^"\\]|\\.)*)"')


def write_reproducer(path: str | Path, ir: str, passes: Sequence[Pass], *, verify: bool) -> Path:
    """Write the file that `pock-opt --run-reproducer` reruns; it appears whole or not at all."""
    path = Path(path)
    pipeline = pipeline_text(passes).replace("\\", "\\\\").replace('"', '\\"')
    text = ir.rstrip("\n") + _SECTION.format(pipeline=pipeline, verify=str(verify).lower())
    beside = path.with_name(path.name + ".part")
    beside.write_text(text)
    beside.replace(path)
    return path


def read_reproducer(text: str) -> tuple[str, str, bool]:
    """The IR, the pipeline and whether to verify, of a reproducer's text.

    Raises:
        PipelineError: `text` has no reproducer section.
    """
    found = _FOUND.search(text)
    pipeline = _PIPELINE.search(found["body"]) if found else None
    if not found or not pipeline:
        raise PipelineError("no pipeline in the input: --run-reproducer needs an mlir_reproducer")
    verify = "verify_each: false" not in found["body"]
    # Blank lines in its place keep the line numbers of what follows.
    blank = "\n" * found[0].count("\n")
    ir = text[: found.start()] + blank + text[found.end() :]
    return ir, re.sub(r"\\(.)", r"\1", pipeline[1]), verify
