"""The same equations as plain Python, to be read, stepped through in a debugger, or handed to another solver.

Made from the same tape as the machine code: what is read here is what runs there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from aftercar.engine.equations import Equations, write_equations
from aftercar.engine.network import Network
from aftercar.engine.tape import Node, Tape

_INFIX = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "neg": "-{}", "reciprocal": "1.0 / {}", "lt": "{} < {}",
    "le": "{} <= {}", "gt": "{} > {}", "ge": "{} >= {}", "eq": "{} == {}", "ne": "{} != {}", "and": "{} and {}",
    "or": "{} or {}", "xor": "{} != {}", "not": "not {}", "true": "True", "false": "False",
    "select": "{1} if {0} else {2}",
}  # fmt: skip
_CALLS = {
    "abs": "abs({})", "min": "min({}, {})", "max": "max({}, {})", "pow": "power({}, {})", "sqrt": "root({})",
    "quotient": "float(int({} / {}))", "rem": "math.fmod({}, {})", "ceil": "math.ceil({})",
}  # fmt: skip

_HEAD = '''"""{name}, generated from its equations. y: states, p: parameters, in the order of the names below."""

import math

STATES = {states!r}
PARAMETERS = {parameters!r}


def power(x, n):
    """x ** n; a negative base counts as zero under a fractional exponent."""
    if x < 0.0 and n != math.floor(n):
        return 0.0
    return math.inf if x == 0.0 and n < 0.0 else x**n


def root(x):
    """Square root; zero below zero."""
    return math.sqrt(max(x, 0.0))
'''


def write_python(network: Network) -> str:
    """Return a Python module with ``rates(time, y, p, out)`` and ``jacobian(time, y, p, out)``.

    `out` of the Jacobian is an n x n array, of which the entries that can differ from zero are set.
    """
    equations = write_equations(network, shared=())
    head = _HEAD.format(
        name=network.name, states=[s.id for s in network.states], parameters=[p.id for p in network.parameters]
    )
    rates = [(f"out[{k}]", node) for k, node in enumerate(equations.rates)]
    jacobian = [(f"out[{i}, {j}]", node) for (i, j), node in sorted(equations.linear.matrix.items())]
    return "\n\n".join([head, _function("rates", equations, rates), _function("jacobian", equations, jacobian)])


def load_python(network: Network) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the two functions of `write_python`, ready to call."""
    space: dict[str, Any] = {}
    exec(compile(write_python(network), f"<{network.name}>", "exec"), space)
    return space["rates"], space["jacobian"]


def _function(name: str, equations: Equations, outputs: Iterable[tuple[str, Node]]) -> str:
    tape, network = equations.tape, equations.network
    outputs = list(outputs)
    uses = _uses(tape, [node for _, node in outputs])
    text: dict[Node, str] = {}
    lines = [f"def {name}(time, y, p, out):"]
    slots = {s.id: f"y[{k}]" for k, s in enumerate(network.states)}
    slots |= {p.id: f"p[{k}]" for k, p in enumerate(network.parameters)}
    taken: set[str] = {"time", "y", "p", "out", "math", "power", "root"}
    for node in tape.reachable(node for _, node in outputs):
        op = tape.ops[node]
        if op == "const":
            text[node] = _number(tape.number(node))
        elif op in {"state", "parameter"}:
            own = _identifier(str(tape.values[node]), taken)
            lines.append(f"    {own} = {slots[str(tape.values[node])]}")
            text[node] = own
        elif op == "time":
            text[node] = "time"
        else:
            value = _operation(op, [text[a] for a in tape.args[node]])
            if uses[node] == 1 and len(value) < 60:
                text[node] = value if op in _CALLS or op not in _INFIX else f"({value})"
            else:
                own = _identifier(f"x{node}", taken)
                lines.append(f"    {own} = {value}")
                text[node] = own
    lines += [f"    {target} = {text[node]}" for target, node in outputs]
    return "\n".join([*lines, "    return out"]) + "\n"


def _uses(tape: Tape, outputs: list[Node]) -> dict[Node, int]:
    count = dict.fromkeys(tape.reachable(outputs), 0)
    for node in count:
        for arg in set(tape.args[node]):
            count[arg] += tape.args[node].count(arg)
    return count


def _operation(op: str, args: list[str]) -> str:
    if op in _INFIX:
        return _INFIX[op].format(*args)
    if op in _CALLS:
        return _CALLS[op].format(*args)
    return f"math.{op}({', '.join(args)})"


def _number(value: float) -> str:
    if math.isnan(value):
        return "math.nan"
    if math.isinf(value):
        return "math.inf" if value > 0 else "-math.inf"
    return f"({value!r})" if value < 0 else repr(value)


def _identifier(name: str, taken: set[str]) -> str:
    word = re.sub(r"\W", "_", name)
    word = f"v_{word}" if not word[0].isalpha() else word
    while word in taken:
        word += "_"
    taken.add(word)
    return word
