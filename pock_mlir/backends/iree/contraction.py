"""Contractions as linalg, with the tiles that were chosen for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pock_mlir.backends.iree.linalg import ScalarArithmetic, generic, zeros
from pock_mlir.backends.iree.workgroups import even_divisor, largest_divisor
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import Attribute, Module, Operation, Value, stablehlo_bindings
from pock_mlir.passes.kernels.contraction import block_of, forget_tile, tile_of
from pock_mlir.rewriting import named_ops


def lower_tiled(module: Module) -> None:
    """Lower every `dot_general` that has a tile.

    The operands come through barriers. IREE would fold their arrangement into the contraction, and
    forget the tile.
    """
    for op in named_ops(module, "stablehlo.dot_general"):
        if tile_of(op) is not None:
            b = Builder.before(op)
            operands = [barrier(b, operand) for operand in op.operation.operands]
            streams = block_of(op) > 0
            sums = starting_sums(b, op.operation) if streams else None
            result = contract(b, op.operation, operands, sums)
            if streams or _is_transposed(op.operation.results[0]):
                result = barrier(b, result)
            op.operation.results[0].replace_all_uses_with(result)
            op.operation.erase()


def forget_tiles(module: Module) -> None:
    """Leave every `dot_general` to IREE's own tiles."""
    for op in named_ops(module, "stablehlo.dot_general"):
        forget_tile(op)


def _is_transposed(value: Value) -> bool:
    users = [use.owner.operation for use in value.uses]
    if len(users) == 1 and users[0].name == "stablehlo.reshape":
        return _is_transposed(users[0].results[0])
    return any(user.name == "stablehlo.transpose" for user in users)


def barrier(b: Builder, value: Value) -> Value:
    """A value that IREE fuses with nothing that reads it."""
    name = "iree_tensor_ext.compute_barrier.start"
    return b.create(name, [value], [value.type]).results[0]


def starting_sums(b: Builder, op: Operation) -> Value:
    """Zeros that are in memory when the kernel of a product starts."""
    result = type_of(op.results[0])
    return barrier(b, zeros(b, list(result.shape), result.element_type))


def contract(
    b: Builder, op: Operation, operands: Sequence[Value], initial: Value | None = None
) -> Value:
    """A `dot_general` as multiply, add, of other operands of the same shapes.

    The products are added to `initial`, or if there is none, to zeros.
    """
    lhs, rhs = op.operands
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    maps, loops = _maps(numbers, len(shape_of(lhs)), len(shape_of(rhs)))
    result = type_of(op.results[0])
    initial = initial or zeros(b, list(result.shape), result.element_type)
    reductions = range(result.rank, loops)
    attributes = _configuration(op)
    return generic(b, operands, [initial], maps, loops, reductions, _multiply_add, attributes)[0]


def _multiply_add(a: ScalarArithmetic, inputs: list[Value], sums: list[Value]) -> list[Value]:
    return [a.add(sums[0], a.multiply(*map(a.widened, inputs)))]


def _maps(
    numbers: stablehlo_bindings.DotDimensionNumbers, lhs_rank: int, rhs_rank: int
) -> tuple[list[list[int]], int]:
    """Loops: batch, free dimensions of lhs, free ones of rhs, then the contracted ones."""
    lhs, rhs = [-1] * lhs_rank, [-1] * rhs_rank
    loop = 0
    for i, j in zip(numbers.lhs_batching_dimensions, numbers.rhs_batching_dimensions, strict=True):
        lhs[i] = rhs[j] = loop
        loop += 1
    contracting = list(
        zip(numbers.lhs_contracting_dimensions, numbers.rhs_contracting_dimensions, strict=True)
    )
    for dims, contracted in (
        (lhs, {i for i, _ in contracting}),
        (rhs, {j for _, j in contracting}),
    ):
        for i, known in enumerate(dims):
            if known < 0 and i not in contracted:
                dims[i] = loop
                loop += 1
    outputs = list(range(loop))
    for i, j in contracting:
        lhs[i] = rhs[j] = loop
        loop += 1
    return [lhs, rhs, outputs], loop


# ---- tiles -----------------------------------------------------------------------------------

_ROWS_OF_A_GROUP = 96
_BYTES_OF_A_GROUP = 1 << 17
"""A workgroup's part of the right operand should stay in a core's own cache."""
_COLUMNS_OF_A_STREAM = 128
"""What is read of a row of rhs at a time, if that is as it is: memory brings some lines ahead."""
_FEW_ROWS = 32
"""So few rows a workgroup takes all, since each that streams rhs reads all of its columns."""
_PLACES_OF_A_GROUP = 1024
"""Of an image, whose rows are read where they lie."""
_FEWEST_GROUPS = 8
"""Fewer leave threads idle, or have them wait for who comes last."""


def _configuration(op: Operation) -> dict[str, Attribute]:
    """What tells IREE the tile of a product, whose rhs is a matrix or in panels."""
    tile = tile_of(op)
    if tile is None:
        return {}
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    first = len(numbers.lhs_batching_dimensions)
    lhs, result = shape_of(op.operands[0]), shape_of(op.results[0])
    k = lhs[numbers.lhs_contracting_dimensions[0]]
    rows, columns = result[first : len(lhs) - 1], result[len(lhs) - 1 :]
    in_panels = len(columns) == 2
    panels = columns[0] if in_panels else columns[0] // tile.columns
    steps = block_of(op)
    stack = math.prod(result[:first])
    group = _panels_of_a_group(panels, tile.columns, k, streams=steps > 0)
    peels = len(rows) == 1 and rows[0] % tile.rows > 0
    if peels:
        most = min(group, max(1, stack * panels // _FEWEST_GROUPS))
        group = even_divisor(panels, most, stack)
    width = [group, 0] if in_panels else [group * tile.columns]
    vector = [1, tile.columns] if in_panels else [tile.columns]
    whole = peels or (steps and math.prod(rows) <= _FEW_ROWS)
    height = rows if whole else _rows_of_a_group(rows, tile.rows, stack * (panels // group))
    one, none = [1] * first, [0] * len(result)
    block = [*(1 for _ in rows[1:]), *(tile.rows for _ in rows[:1])]
    return lowering_info(
        peels=peels,
        distribution=[*one, *height, *width, 0],
        **({"cache_reduction": [*none, steps]} if steps else {}),
        vector_common_parallel=[*one, *block, *vector, 0],
        vector_reduction=[*none, tile.depth],
    )


def _panels_of_a_group(panels: int, columns: int, k: int, *, streams: bool) -> int:
    """How many of the panels of a product a workgroup computes."""
    if not streams:
        return largest_divisor(panels, _BYTES_OF_A_GROUP // (4 * k * columns))
    return largest_divisor(panels, max(panels // _FEWEST_GROUPS, _COLUMNS_OF_A_STREAM // columns))


def lowering_info(*, peels: bool = False, **levels: Sequence[int]) -> dict[str, Attribute]:
    """The attribute that tells IREE the tiles of an op, by the names of its levels of tiling.

    If it `peels`, what is no whole tile at the end has a loop of its own.
    """
    lowering = ", ".join(f"{level} = {list(sizes)}" for level, sizes in levels.items())
    options = ", {enable_loop_peeling}" if peels else ""
    text = (
        "#iree_codegen.compilation_info<"
        f"lowering_config = #iree_cpu.lowering_config<{lowering}>, "
        "translation_info = #iree_codegen.translation_info<"
        f"pipeline = #iree_cpu.pipeline<DoubleTilingExpert>{options}>>"
    )
    return {"compilation_info": Attribute.parse(text)}


def _rows_of_a_group(rows: Sequence[int], height: int, groups: int) -> list[int]:
    """How many rows of a matrix, or of an image [N, spatial..., W], a workgroup computes.

    `groups` is how many workgroups share each of them.
    """
    if not rows:
        return []
    *outer, last = rows
    if not outer:
        most = min(_ROWS_OF_A_GROUP, last * groups // _FEWEST_GROUPS)
        return [height * even_divisor(last // height, max(1, most // height), groups)]
    *images, high = outer
    shares = math.prod(images) * groups
    most = high * shares // _FEWEST_GROUPS
    tall = even_divisor(high, max(1, min(most, _PLACES_OF_A_GROUP // last)), shares)
    return [*(1 for _ in images), tall, last]


_SHORTEST_VECTOR = 4


def vector_length(channels: int, width: int) -> int:
    """Numbers of a vector: `width`, or its half and so on if that does not divide `channels`."""
    length = width
    while length > _SHORTEST_VECTOR and channels % length:
        length //= 2
    return length if channels % length == 0 else largest_divisor(channels, width)
