"""Pipelines: lists of passes, their text, and running them."""

from __future__ import annotations

from pock_mlir.pipelines.elements import Pass, PipelineError, Upstream, pipeline_text
from pock_mlir.pipelines.parser import parse_pipeline
from pock_mlir.pipelines.runner import PipelineFailure, run_pipeline
from pock_mlir.pipelines.training import training_pipeline

__all__ = [
    "Pass",
    "PipelineError",
    "PipelineFailure",
    "Upstream",
    "parse_pipeline",
    "pipeline_text",
    "run_pipeline",
    "training_pipeline",
]
