"""The built-in schemes, which know the usual shapes of networks by the names of parameters.

- `full`: everything.
- `head`: the last layer, that is the module that owns the last parameter of two or more dimensions.
- `bias-only`: all biases, and the head. A bias is a parameter of one dimension whose name ends in
  `bias` or `beta` (the shift of a normalisation is one), or of any shape where that or `b` is the
  last part of its name, `attention/query/bias`.
- `last-<N>`: the head, all biases from the N-th last block to the end, and the first weight of two
  or more dimensions of each of the last N blocks, which in an inverted residual is the first
  point-wise convolution. After PockEngine (MICRO 2023), section 2. `last-blocks` is `last-4`, or
  all blocks where there are fewer.

A **block** is what owns all parameters with a common prefix that ends in a number, such as
`blocks.3`, `features.3`, `layer1.0`, `encoder.layer.3` or `block_3` (of `block_3_expand/kernel`).
Where numbers nest, the finest prefixes count of which most own at least two weights of two or more
dimensions (so `features.3`, not `features.3.conv.0`); a prefix with fewer weights, such as a stem,
is then no block. Where no prefixes are like that (a plain stack of layers), the finest ones count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from pock_mlir.schemes.rule import SchemeError

Parameters = Mapping[str, Sequence[int]]

BUILTINS = ("full", "head", "bias-only", "last-blocks")
DEFAULT_BLOCKS = 4
_BIASES = ("bias", "beta")


def is_builtin(name: str) -> bool:
    """Whether `name` is one of BUILTINS or `last-<N>`."""
    return name in BUILTINS or re.fullmatch(r"last-[1-9]\d*", name) is not None


def trained_by(name: str, parameters: Parameters) -> set[str]:
    """The parameters that the built-in scheme `name` trains, each as a whole.

    Raises:
        SchemeError: the names of the parameters show no blocks, or fewer than asked for.
    """
    simple: dict[str, Callable[[Parameters], set[str]]] = {
        "full": set,
        "head": head,
        "bias-only": lambda parameters: head(parameters) | biases(parameters),
    }
    if name in simple:
        return simple[name](parameters)
    if name == "last-blocks":
        return last_blocks(parameters, min(DEFAULT_BLOCKS, max(1, len(blocks(parameters)))))
    return last_blocks(parameters, int(name.removeprefix("last-")))


def head(parameters: Parameters) -> set[str]:
    """The parameters of the last layer."""
    matrices = _matrices(parameters) or list(parameters)
    module = _split(matrices[-1])[:-1] if matrices else []
    return {name for name in parameters if _split(name)[:-1] == module}


def biases(parameters: Parameters) -> set[str]:
    """The parameters that act as biases."""
    return {name for name, shape in parameters.items() if _is_bias(name, shape)}


def _is_bias(name: str, shape: Sequence[int]) -> bool:
    """Biases of attention have a dimension for the heads, so the shape alone does not tell."""
    if len(shape) == 1 and name.endswith(_BIASES):
        return True
    return _split(name)[-1] in (*_BIASES, "b")


def last_blocks(parameters: Parameters, count: int) -> set[str]:
    """The head, the biases from the last `count` blocks on, and the first weight of each of these.

    Raises:
        SchemeError: the model has fewer blocks.
    """
    found = blocks(parameters)
    if not found:
        raise SchemeError(f"last-{count}: no parameter name has a numbered block, like 'blocks.3'")
    if count > len(found):
        raise SchemeError(
            f"last-{count}: the model has {len(found)} blocks, {found[0][0]} to {found[-1][0]}"
        )
    chosen = found[-count:]
    names = list(parameters)
    tail = set(names[names.index(chosen[0][1][0]) :])
    firsts = {weights[0] for _, owned in chosen if (weights := _matrices(parameters, owned))}
    return head(parameters) | (biases(parameters) & tail) | firsts


def blocks(parameters: Parameters) -> list[tuple[str, list[str]]]:
    """The blocks of a model, in order: (prefix, the names of its parameters)."""
    families: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in parameters:
        for prefix in _numbered_prefixes(name):
            families[re.sub(r"\d+", "*", prefix)][prefix].append(name)
    deep = [
        whole
        for members in families.values()
        if 2 * len(whole := _with_two_matrices(parameters, members)) > len(members)
    ]
    candidates = deep or [dict(members) for members in families.values()]
    return list(max(candidates, key=len).items()) if candidates else []


def _with_two_matrices(
    parameters: Parameters, members: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    return {
        prefix: owned for prefix, owned in members.items() if len(_matrices(parameters, owned)) >= 2
    }


def _matrices(parameters: Parameters, names: Sequence[str] | None = None) -> list[str]:
    """Those of the names whose parameter has two or more dimensions, and is no bias."""
    chosen = names or parameters
    shapes = {name: parameters[name] for name in chosen}
    return [name for name, s in shapes.items() if len(s) >= 2 and not _is_bias(name, s)]


def _split(name: str) -> list[str]:
    return re.split(r"[./]", name)


def _numbered_prefixes(name: str) -> list[str]:
    """The prefixes of a name that end in a number, without the name itself."""
    return [name[: match.end()] for match in re.finditer(r"\d+(?=[./_])", name)]
