"""Which parameter belongs to which group of an optimizer's options."""

from __future__ import annotations

from pock_mlir.dialects.pock import TRAINED_KINDS
from pock_mlir.ir import Module
from pock_mlir.optimizers.groups import GroupOptions, parse_groups
from pock_mlir.rewriting import parameters
from pock_mlir.schemes.matching import no_match


class GroupProblem(Exception):
    """Groups cannot be read or do not fit the module; a line for each problem."""


def resolve_groups(
    module: Module, text: str, kind: str, options: tuple[str, ...]
) -> dict[str, GroupOptions]:
    """The group of each parameter that has one: the last whose pattern matches its name.

    Args:
        module: declares the parameters; those that are frozen may be matched as well.
        text: the groups, as `pock_mlir.optimizers.groups` writes them.
        kind: the optimizer, for messages.
        options: what a group may set.

    Raises:
        GroupProblem: unreadable text, a pattern without a match, an option of another optimizer.
    """
    try:
        groups = parse_groups(text)
    except ValueError as error:
        raise GroupProblem(str(error)) from error
    names = [n for n, op in parameters(module).items() if op.kind.value in TRAINED_KINDS]
    found: dict[str, GroupOptions] = {}
    problems: list[str] = []
    for group in groups:
        matched = [name for name in names if group.matches(name)]
        if not matched:
            problems.append(f"group: {no_match(group.match, names)}")
        problems += _foreign(group, kind, options)
        found |= dict.fromkeys(matched, group)
    if problems:
        raise GroupProblem("\n".join(problems))
    return found


def _foreign(group: GroupOptions, kind: str, options: tuple[str, ...]) -> list[str]:
    known = ", ".join(name.replace("_", "-") for name in options)
    return [
        f"group '{group.match}': {kind} has no option '{key.replace('_', '-')}'; it has {known}"
        for key in group.values
        if key not in options
    ]
