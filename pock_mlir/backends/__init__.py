"""Where a training module can run."""
