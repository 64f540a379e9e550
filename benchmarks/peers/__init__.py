"""Training steps of ours and of other frameworks, side by side: `python -m benchmarks.peers`."""
