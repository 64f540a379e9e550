"""Rows of the audit for branches and loops; regions capture, and compute, what is trained."""

from __future__ import annotations

from typing import Any

from tests.gradients.case import Case

_SCALARS = "(tensor<i32>, tensor<i32>) -> tensor<i1>"


def _if(mode: str, taken: bool) -> Case:
    return Case(
        "stablehlo.if",
        mode,
        f"""%p = stablehlo.constant dense<{str(taken).lower()}> : tensor<i1>
            %y = "stablehlo.if"(%p) ({{{{
              %s = stablehlo.multiply %a, %b : {{y}}
              %t = stablehlo.tanh %s : {{y}}
              stablehlo.return %t : {{y}}
            }}}}, {{{{
              stablehlo.return %a : {{y}}
            }}}}) : (tensor<i1>) -> {{y}}""",
        (2, 3),
        {"a": (2, 3), "b": (2, 3)},
        lambda jnp, lax, a, b: jnp.tanh(a * b) if taken else a + 0 * b,
    )


_TWO_RESULTS = Case(
    "stablehlo.if",
    "by a computed predicate, two results, nested",
    """%s = "stablehlo.reduce"(%a, %zero) ({{
         ^bb0(%l: tensor<f64>, %r: tensor<f64>):
           %m = stablehlo.add %l, %r : tensor<f64>
           stablehlo.return %m : tensor<f64>
       }}) {{dimensions = array<i64: 0>}} : ({a}, tensor<f64>) -> tensor<f64>
       %p = stablehlo.compare GT, %s, %zero : (tensor<f64>, tensor<f64>) -> tensor<i1>
       %r:2 = "stablehlo.if"(%p) ({{
         %n = "stablehlo.if"(%p) ({{
           %u = stablehlo.multiply %a, %a : {a}
           stablehlo.return %u : {a}
         }}, {{
           stablehlo.return %b : {a}
         }}) : (tensor<i1>) -> {a}
         stablehlo.return %n, %b : {a}, {a}
       }}, {{
         %e = stablehlo.exponential %b : {a}
         stablehlo.return %b, %e : {a}, {a}
       }}) : (tensor<i1>) -> ({a}, {a})
       %y = stablehlo.multiply %r#0, %r#1 : {y}""",
    (4,),
    {"a": (4,), "b": (4,)},
    lambda jnp, lax, a, b: jnp.where(a.sum() > 0, a * a * b, b * jnp.exp(b)),
)


def _case(index: int, function: Any) -> Case:
    return Case(
        "stablehlo.case",
        f"index {index}",
        f"""%p = stablehlo.constant dense<{index}> : tensor<i32>
            %y = "stablehlo.case"(%p) ({{{{
              %s = stablehlo.sine %a : {{y}}
              stablehlo.return %s : {{y}}
            }}}}, {{{{
              %s = stablehlo.multiply %a, %b : {{y}}
              stablehlo.return %s : {{y}}
            }}}}, {{{{
              stablehlo.return %b : {{y}}
            }}}}) : (tensor<i32>) -> {{y}}""",
        (3,),
        {"a": (3,), "b": (3,)},
        function,
    )


def _while(
    mode: str,
    carry: dict[str, tuple[str, str]],
    step: str,
    result: str,
    jax: Any,
    *,
    count: str = "%i, %bound",
    direction: str = "LT",
    advance: str = "add %i, %stride",
    numbers: tuple[int, int, int] = (0, 4, 1),
    **shapes: Any,
) -> Case:
    """A loop that carries a counter and `carry`: names to initial values and following ones."""
    start, bound, stride = numbers
    initial = ", ".join(f"%{name} = {first}" for name, (first, _) in carry.items())
    following = ", ".join(last for _, last in carry.values())
    types = ", ".join("{a}" for _ in carry)
    return Case(
        "stablehlo.while",
        mode,
        f"""%start = stablehlo.constant dense<{start}> : tensor<i32>
            %bound = stablehlo.constant dense<{bound}> : tensor<i32>
            %stride = stablehlo.constant dense<{stride}> : tensor<i32>
            %n:{len(carry) + 1} = stablehlo.while(%i = %start, {initial}) : tensor<i32>, {types}
            cond {{{{
              %c = stablehlo.compare {direction}, {count} : {_SCALARS}
              stablehlo.return %c : tensor<i1>
            }}}} do {{{{
              %j = stablehlo.{advance} : tensor<i32>
              {step}
              stablehlo.return %j, {following} : tensor<i32>, {types}
            }}}}
            %y = stablehlo.tanh {result} : {{y}}""",
        (3,),
        {"a": (3,), **shapes},
        jax,
    )


def _repeated(times: int, function: Any) -> Any:
    """tanh of a function of (jnp, number of the trip, carry, *others), applied so many times."""

    def run(jnp: Any, lax: Any, a: Any, *others: Any) -> Any:
        for trip in range(times):
            a = function(jnp, trip, a, *others)
        return jnp.tanh(a)

    return run


def _fibonacci(jnp: Any, lax: Any, a: Any, b: Any) -> Any:
    for _ in range(4):
        a, b = b, jnp.sin(a) * b
    return jnp.tanh(a)


_SINE = "%s = stablehlo.sine %x : {a}"
_BY_COUNTER = """%f = stablehlo.convert %i : (tensor<i32>) -> tensor<f64>
                 %g = stablehlo.broadcast_in_dim %f, dims = [] : (tensor<f64>) -> {a}
                 %m = stablehlo.multiply %x, %g : {a}
                 %s = stablehlo.sine %m : {a}"""
_CAPTURE = """%m = stablehlo.multiply %x, %b : {a}
              %s = stablehlo.sine %m : {a}"""
_CARRIED_ALONG = """%m = stablehlo.multiply %x, %k : {a}
                    %s = stablehlo.sine %m : {a}"""
_NESTED = """%zeroth = stablehlo.constant dense<0> : tensor<i32>
     %two = stablehlo.constant dense<2> : tensor<i32>
     %q:2 = stablehlo.while(%v = %zeroth, %w = %x) : tensor<i32>, {a}
     cond {{
       %c = stablehlo.compare LT, %v, %two : (tensor<i32>, tensor<i32>) -> tensor<i1>
       stablehlo.return %c : tensor<i1>
     }} do {{
       %one32 = stablehlo.constant dense<1> : tensor<i32>
       %v1 = stablehlo.add %v, %one32 : tensor<i32>
       %m = stablehlo.multiply %w, %b : {a}
       %t = stablehlo.sine %m : {a}
       stablehlo.return %v1, %t : tensor<i32>, {a}
     }}
     %s = stablehlo.multiply %q#1, %x : {a}"""


def _nested(jnp: Any, trip: int, x: Any, b: Any) -> Any:
    return jnp.sin(jnp.sin(x * b) * b) * x


_LOOPS = [
    _while(
        "one carried value",
        {"x": ("%a", "%s")},
        _SINE,
        "%n#1",
        _repeated(4, lambda jnp, trip, x: jnp.sin(x)),
    ),
    _while(
        "the counter, by twos downwards",
        {"x": ("%a", "%s")},
        _BY_COUNTER,
        "%n#1",
        _repeated(3, lambda jnp, trip, x: jnp.sin(x * (6 - 2 * trip))),
        direction="GE",
        numbers=(6, 2, 2),
        advance="subtract %i, %stride",
    ),
    _while(
        "a captured value",
        {"x": ("%a", "%s")},
        _CAPTURE,
        "%n#1",
        _repeated(4, lambda jnp, trip, x, b: jnp.sin(x * b)),
        b=(3,),
    ),
    _while(
        "a value carried along",
        {"k": ("%b", "%k"), "x": ("%a", "%s")},
        _CARRIED_ALONG,
        "%n#2",
        _repeated(4, lambda jnp, trip, x, b: jnp.sin(x * b)),
        b=(3,),
        count="%bound, %i",
        direction="NE",
    ),
    _while(
        "the result of what is carried along",
        {"k": ("%b", "%k"), "x": ("%a", "%s")},
        _CARRIED_ALONG + "\n%u = stablehlo.add %k, %k : {a}",
        "%n#1",
        lambda jnp, lax, a, b: jnp.tanh(b) + 0 * a,
        b=(3,),
    ),
    _while(
        "two that swap",
        {"x": ("%a", "%z"), "z": ("%b", "%s")},
        "%t = stablehlo.sine %x : {a}\n%s = stablehlo.multiply %t, %z : {a}",
        "%n#1",
        _fibonacci,
        b=(3,),
    ),
    _while(
        "no trip",
        {"x": ("%a", "%s")},
        _SINE,
        "%n#1",
        lambda jnp, lax, a: jnp.tanh(a),
        numbers=(5, 4, 1),
    ),
    _while("a loop in a loop", {"x": ("%a", "%s")}, _NESTED, "%n#1", _repeated(4, _nested), b=(3,)),
]

ROWS = [
    _if("taken", True),
    _if("not taken", False),
    _TWO_RESULTS,
    _case(0, lambda jnp, lax, a, b: jnp.sin(a) + 0 * b),
    _case(1, lambda jnp, lax, a, b: a * b),
    _case(9, lambda jnp, lax, a, b: 0 * a + b),
    *_LOOPS,
]
