"""Schemes: rules, errors, and round trips."""

import pytest

from pock_mlir.schemes import ALL, FROZEN, Rule, Scheme, SchemeError, Selection

PARAMETERS = {
    "stem.weight": [8, 3, 3, 3],
    "stem.bias": [8],
    "blocks.0.conv.weight": [16, 8, 1, 1],
    "blocks.0.bn.weight": [16],
    "blocks.0.bn.bias": [16],
    "fc.weight": [10, 16],
    "fc.bias": [10],
}


def scheme(text: str) -> Scheme:
    return Scheme.from_toml(text, file="s.toml")


def rule(text: str) -> str:
    return f"[[rule]]\nmatch = 'fc.weight'\n{text}\n"


def test_last_match_wins_and_unmatched_is_frozen() -> None:
    toml = """
        [[rule]]
        match = "*.bias"
        [[rule]]
        match = "stem.*"
        update = "none"
    """
    selections = scheme(toml).resolve(PARAMETERS)
    assert list(selections) == list(PARAMETERS)
    assert [n for n, s in selections.items() if s == ALL] == ["blocks.0.bn.bias", "fc.bias"]
    assert selections["stem.bias"] == selections["fc.weight"] == FROZEN


def test_base_is_where_rules_start() -> None:
    toml = 'base = "head"\n[[rule]]\nmatch = "stem.weight"\n[[rule]]\nmatch="*.bias"\nupdate="none"'
    selections = scheme(toml).resolve(PARAMETERS)
    assert [n for n, s in selections.items() if s.trains] == ["stem.weight", "fc.weight"]


@pytest.mark.parametrize(
    ("text", "axis", "runs"),
    [
        ("axis = 'in'\nratio = 0.5", 1, ((0, 8),)),
        ("axis = 'in'\nratio = 0.01", 1, ((0, 1),)),
        ("axis = 'out'\ncount = 3", 0, ((0, 3),)),
        ("axis = 1\nindices = [5, 3, 4, 9]", 1, ((3, 6), (9, 10))),
    ],
)
def test_slices(text: str, axis: int, runs: tuple[tuple[int, int], ...]) -> None:
    selections = scheme(rule("update = 'slice'\n" + text)).resolve(PARAMETERS)
    assert selections["fc.weight"] == Selection("slice", axis, runs)


def test_slice_of_everything_is_all() -> None:
    text = rule("update = 'slice'\naxis = 'out'\nratio = 1.0")
    assert scheme(text).resolve(PARAMETERS)["fc.weight"] is ALL


def test_elements() -> None:
    shape = [10, 16]
    assert ALL.elements(shape) == 160
    assert FROZEN.elements(shape) == 0
    assert Selection("slice", 1, ((0, 2), (4, 5))).elements(shape) == 30
    assert Selection("lora", rank=2).elements([10, 16, 3, 3]) == 2 * 10 + 2 * 16 * 9


def test_lora() -> None:
    selection = scheme(rule("update = 'lora'\nrank = 2\nalpha = 8")).resolve(PARAMETERS)[
        "fc.weight"
    ]
    assert selection == Selection("lora", rank=2, scale=4.0)
    with pytest.raises(
        SchemeError, match=r"lora needs a weight of two or more dimensions, fc.bias"
    ):
        scheme("[[rule]]\nmatch = 'fc.*'\nupdate = 'lora'\nrank = 2").resolve(PARAMETERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = \n", "s.toml:1:5: not TOML: Invalid value"),
        ("rule = 3", "rules are written as [[rule]] tables"),
        ("rules = []", "unknown key 'rules'; known: name, base, rule"),
        ("base = 'biases'", "unknown built-in scheme 'biases'"),
        ("\n[[rule]]\nupdate = 'all'", "s.toml:2: a rule needs the key 'match'"),
        ("[[rule]]\nmatch = 3", "'match' must be a pattern of parameter names, got 3"),
        (
            rule("mode = 1"),
            "s.toml:1: unknown key 'mode' in a rule; known: 'alpha', 'axis', 'count'",
        ),
        (rule("update = 'some'"), "unknown update 'some'; known: 'all', 'none', 'slice', 'lora'"),
        (rule("update = 'lora'"), "lora needs a 'rank' of at least 1, got None"),
        (rule("update = 'lora'\nrank = 0"), "lora needs a 'rank' of at least 1, got 0"),
        (rule("update = 'lora'\nrank = 2\nalpha = -1"), "alpha must be positive, got -1"),
        (rule("rank = 2"), "'rank' needs update = \"lora\""),
        (rule("update = 'lora'\nrank = 2\naxis = 0"), "'axis' needs update = \"slice\""),
        (rule("ratio = 0.5"), "'ratio' needs update = \"slice\""),
        (
            rule("update = 'slice'\naxis = 0"),
            "needs one of 'ratio', 'count' and 'indices', got none",
        ),
        (rule("update = 'slice'\nratio = 0.5"), "a slice needs an 'axis'"),
        (rule("update = 'slice'\naxis = 'left'\ncount = 1"), "got 'left'"),
        (rule("update = 'slice'\naxis = -1\ncount = 1"), "dimension number from 0, got -1"),
        (rule("update = 'slice'\naxis = 0\nratio = 0"), "ratio must be in (0, 1], got 0"),
        (rule("update = 'slice'\naxis = 0\nratio = 1.5"), "ratio must be in (0, 1], got 1.5"),
        (rule("update = 'slice'\naxis = 0\ncount = 0"), "count must be at least 1, got 0"),
        (rule("update = 'slice'\naxis = 0\nindices = []"), "at least one integer, got ()"),
        (rule("update = 'slice'\naxis = 0\nindices = [1, 2, 1]"), "indices must not repeat: 1"),
        (rule("update = 'slice'\naxis = 0\nindices = [-1]"), "must not be negative: -1"),
    ],
)
def test_malformed(text: str, message: str) -> None:
    with pytest.raises(SchemeError) as error:
        scheme(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_malformed_rules_are_all_listed() -> None:
    with pytest.raises(SchemeError) as error:
        scheme(rule("update = 'some'") + rule("ratio = 2"))
    assert [line[:8] for line in str(error.value).splitlines()] == ["s.toml:1", "s.toml:4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[rule]]\nmatch='block.0.*'",
            "s.toml:1: pattern 'block.0.*' matches no parameter; nearest",
        ),
        (rule("update = 'none'"), "scheme 'custom' trains nothing: all 7 parameters are frozen"),
        ("", "trains nothing"),
        (rule("update='slice'\naxis=2\ncount=1"), "axis 2 is out of range for fc.weight, shape"),
        (rule("update='slice'\naxis='in'\ncount=17"), "count 17 is out of range for fc.weight"),
        (
            rule("update='slice'\naxis='out'\nindices=[10]"),
            "index 10 is out of range for fc.weight",
        ),
    ],
)
def test_does_not_fit(text: str, message: str) -> None:
    with pytest.raises(SchemeError) as error:
        scheme(text).resolve(PARAMETERS)
    assert message in str(error.value)


def test_nearest_names() -> None:
    with pytest.raises(SchemeError) as error:
        scheme("[[rule]]\nmatch='block.0.conv.weight'").resolve(PARAMETERS)
    assert "nearest: blocks.0.conv.weight" in str(error.value)


def test_round_trips() -> None:
    original = Scheme(
        "mine",
        "last-2",
        (Rule("a.*", "slice", "in", ratio=0.5), Rule("b", "slice", 0, indices=[1, 3]), Rule("c")),
    )
    assert Scheme.from_toml(original.to_toml()) == original
    assert Scheme.from_dict(original.to_dict()) == original
    assert Scheme.load(original.option) == original
    assert Scheme.load("last-2").option == "last-2"
    assert hash(Scheme.from_dict(original.to_dict())) == hash(original)


def test_load_unknown_name() -> None:
    with pytest.raises(
        SchemeError, match="no scheme or file 'bias-olny'; did you mean 'bias-only'"
    ):
        Scheme.load("bias-olny")


def test_messages_name_the_file_after_a_round_trip() -> None:
    text = "# a comment\n\n" + rule("update = 'all'") + "\n[[rule]]\nmatch = 'no.such'\n"
    line = text.splitlines().index("match = 'no.such'")
    again = Scheme.load(scheme(text).option)
    with pytest.raises(SchemeError, match=rf"^s\.toml:{line}: pattern 'no.such' matches no"):
        again.resolve(PARAMETERS)
