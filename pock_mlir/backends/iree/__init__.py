"""IREE: lowering to its dialects, compilation for a target, and what the result allocates."""
