"""MathML, as libsbml reads it, to symbolic expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import libsbml
import sympy as sp

from aftercar.engine.errors import UnsupportedFeatureError
from aftercar.engine.network import TIME

AVOGADRO = 6.02214179e23  # SBML level 3 version 1 and 2 fix this value for the csymbol

_UNARY: dict[int, Callable[..., Any]] = {
    libsbml.AST_FUNCTION_EXP: sp.exp, libsbml.AST_FUNCTION_LN: sp.log, libsbml.AST_FUNCTION_ABS: sp.Abs,
    libsbml.AST_FUNCTION_SIN: sp.sin, libsbml.AST_FUNCTION_COS: sp.cos, libsbml.AST_FUNCTION_TAN: sp.tan,
    libsbml.AST_FUNCTION_SEC: sp.sec, libsbml.AST_FUNCTION_CSC: sp.csc, libsbml.AST_FUNCTION_COT: sp.cot,
    libsbml.AST_FUNCTION_SINH: sp.sinh, libsbml.AST_FUNCTION_COSH: sp.cosh, libsbml.AST_FUNCTION_TANH: sp.tanh,
    libsbml.AST_FUNCTION_SECH: sp.sech, libsbml.AST_FUNCTION_CSCH: sp.csch, libsbml.AST_FUNCTION_COTH: sp.coth,
    libsbml.AST_FUNCTION_ARCSIN: sp.asin, libsbml.AST_FUNCTION_ARCCOS: sp.acos, libsbml.AST_FUNCTION_ARCTAN: sp.atan,
    libsbml.AST_FUNCTION_ARCSEC: sp.asec, libsbml.AST_FUNCTION_ARCCSC: sp.acsc, libsbml.AST_FUNCTION_ARCCOT: sp.acot,
    libsbml.AST_FUNCTION_ARCSINH: sp.asinh, libsbml.AST_FUNCTION_ARCCOSH: sp.acosh,
    libsbml.AST_FUNCTION_ARCTANH: sp.atanh, libsbml.AST_FUNCTION_ARCSECH: sp.asech,
    libsbml.AST_FUNCTION_ARCCSCH: sp.acsch, libsbml.AST_FUNCTION_ARCCOTH: sp.acoth,
    libsbml.AST_FUNCTION_FLOOR: sp.floor, libsbml.AST_FUNCTION_CEILING: sp.ceiling,
    libsbml.AST_FUNCTION_FACTORIAL: sp.factorial,
}  # fmt: skip
_RELATIONS: dict[int, type] = {
    libsbml.AST_RELATIONAL_LT: sp.StrictLessThan, libsbml.AST_RELATIONAL_LEQ: sp.LessThan,
    libsbml.AST_RELATIONAL_GT: sp.StrictGreaterThan, libsbml.AST_RELATIONAL_GEQ: sp.GreaterThan,
    libsbml.AST_RELATIONAL_EQ: sp.Eq, libsbml.AST_RELATIONAL_NEQ: sp.Ne,
}  # fmt: skip
_CONSTANTS: dict[int, Any] = {
    libsbml.AST_CONSTANT_E: sp.Float(2.718281828459045), libsbml.AST_CONSTANT_PI: sp.Float(3.141592653589793),
    libsbml.AST_CONSTANT_TRUE: sp.true, libsbml.AST_CONSTANT_FALSE: sp.false, libsbml.AST_NAME_TIME: TIME,
    libsbml.AST_NAME_AVOGADRO: sp.Float(AVOGADRO),
}  # fmt: skip
_PAIRS = {
    libsbml.AST_FUNCTION_MIN: "min", libsbml.AST_FUNCTION_MAX: "max", libsbml.AST_FUNCTION_REM: "rem",
    libsbml.AST_FUNCTION_QUOTIENT: "quotient",
}  # fmt: skip

Lookup = Callable[[str], Any]


class MathReader:
    """Reads the formulas of one model. `lookup` gives the expression that an identifier stands for."""

    def __init__(self, model: Any, lookup: Lookup, rate_of: Lookup) -> None:
        self._lookup = lookup
        self._rate_of = rate_of
        self._functions = {f.getId(): f for f in model.getListOfFunctionDefinitions()}

    def read(self, node: Any, place: str, local: Mapping[str, Any] | None = None) -> Any:
        """Return the expression of a formula. `place` names the element in complaints, `local` shadows names."""
        return self._read(node, place, local or {})

    def _read(self, node: Any, place: str, local: Mapping[str, Any]) -> Any:
        kind = node.getType()
        if node.isNumber():
            return _number(node)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == libsbml.AST_NAME:
            name = node.getName()
            return local[name] if name in local else self._lookup(name)
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            name = node.getChild(0).getName()
            return sp.Integer(0) if name in local else self._rate_of(name)
        if kind == libsbml.AST_FUNCTION_DELAY:
            raise UnsupportedFeatureError("delay", place)
        if kind == libsbml.AST_FUNCTION:
            return self._apply_definition(node, place, local)
        children = [self._read(node.getChild(k), place, local) for k in range(node.getNumChildren())]
        return self._combine(kind, children, node, place)

    def _apply_definition(self, node: Any, place: str, local: Mapping[str, Any]) -> Any:
        definition = self._functions.get(node.getName())
        if definition is None:
            raise UnsupportedFeatureError(f"function {node.getName()}", place)
        values = [self._read(node.getChild(k), place, local) for k in range(node.getNumChildren())]
        names = [definition.getArgument(k).getName() for k in range(definition.getNumArguments())]
        if definition.getBody() is None:
            raise UnsupportedFeatureError("function without a body", node.getName())
        return self._read(definition.getBody(), place, dict(zip(names, values, strict=True)))

    def _combine(self, kind: int, c: list[Any], node: Any, place: str) -> Any:
        if kind in _UNARY:
            return _UNARY[kind](number(c[0]))
        if kind in _RELATIONS:
            return _relation(_RELATIONS[kind], c)
        if kind in _PAIRS:
            return sp.Function(_PAIRS[kind])(*(number(x) for x in c))
        match kind:
            case libsbml.AST_PLUS:
                return sp.Add(*(number(x) for x in c))
            case libsbml.AST_TIMES:
                return sp.Mul(*(number(x) for x in c))
            case libsbml.AST_MINUS:
                return -number(c[0]) if len(c) == 1 else number(c[0]) - number(c[1])
            case libsbml.AST_DIVIDE:
                return _divide(number(c[0]), number(c[1]))
            case libsbml.AST_POWER | libsbml.AST_FUNCTION_POWER:
                return sp.Pow(number(c[0]), number(c[1]))
            case libsbml.AST_FUNCTION_ROOT:
                return sp.sqrt(number(c[0])) if len(c) == 1 else sp.Pow(number(c[1]), 1 / number(c[0]))
            case libsbml.AST_FUNCTION_LOG:
                return sp.log(number(c[-1])) / sp.log(sp.Float(10) if len(c) == 1 else number(c[0]))
            case libsbml.AST_FUNCTION_PIECEWISE:
                return _piecewise(c)
        return self._logic(kind, c, node, place)

    def _logic(self, kind: int, c: list[Any], node: Any, place: str) -> Any:
        flags = [truth(x) for x in c]
        match kind:
            case libsbml.AST_LOGICAL_AND:
                return _join(sp.And, flags, sp.true)
            case libsbml.AST_LOGICAL_OR:
                return _join(sp.Or, flags, sp.false)
            case libsbml.AST_LOGICAL_XOR:
                return _join(sp.Xor, flags, sp.false)
            case libsbml.AST_LOGICAL_NOT:
                return sp.Not(flags[0], evaluate=False)
            case libsbml.AST_LOGICAL_IMPLIES:
                return sp.Or(sp.Not(flags[0], evaluate=False), flags[1], evaluate=False)
        raise UnsupportedFeatureError(f"MathML element {node.getName() or kind}", place)


def number(value: Any) -> Any:
    """Return a truth value as 1 or 0, and numbers unchanged (SBML level 3 version 2 lets them mix)."""
    if is_truth(value):
        return sp.Piecewise((sp.Integer(1), value), (sp.Integer(0), sp.true), evaluate=False)
    return value


def truth(value: Any) -> Any:
    """Return a number as the statement that it is not zero, and truth values unchanged."""
    return value if is_truth(value) else sp.Ne(value, sp.Integer(0), evaluate=False)


def is_truth(value: Any) -> bool:
    """Tell whether an expression is a truth value."""
    return isinstance(value, sp.logic.boolalg.Boolean) and not isinstance(value, sp.Symbol)


def _number(node: Any) -> Any:
    if node.isInteger():
        return sp.Integer(node.getInteger())
    if node.isRational():
        return sp.Rational(node.getNumerator(), node.getDenominator())
    value = node.getReal()
    if value != value:
        return sp.nan
    if value in (float("inf"), float("-inf")):
        return sp.oo if value > 0 else -sp.oo
    return sp.Float(value)


def _divide(a: Any, b: Any) -> Any:
    return a * sp.Pow(b, -1)


def _relation(kind: type, c: list[Any]) -> Any:
    if any(is_truth(x) for x in c):
        return kind(truth(c[0]), truth(c[1]), evaluate=False)
    pairs = [kind(a, b, evaluate=False) for a, b in pairwise(c)]
    return _join(sp.And, pairs, sp.true)


def _join(kind: Any, parts: list[Any], empty: Any) -> Any:
    if not parts:
        return empty
    return parts[0] if len(parts) == 1 else kind(*parts, evaluate=False)


def _piecewise(c: list[Any]) -> Any:
    pieces = [(number(c[k]), truth(c[k + 1])) for k in range(0, len(c) - 1, 2)]
    pieces.append((number(c[-1]), sp.true) if len(c) % 2 else (sp.nan, sp.true))
    return sp.Piecewise(*pieces, evaluate=False)
