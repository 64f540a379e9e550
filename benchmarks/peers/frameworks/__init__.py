"""One module a framework; each has `build(job) -> Step`. They run in the framework's environment.

Nothing here may import what only the project's own environment has, but `ours` and `pytorch`.
"""
