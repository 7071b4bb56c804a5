"""Compiling the integrator's own loops, and calling generated code from them.

The loops are the same for every model, so numba compiles them once per machine. Its disk cache looks at one file at a
time and would not see that a function from another file has changed; therefore our cache folder carries the hash of
all sources that loops are made of and of the versions that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import config, types
from numba.extending import intrinsic

from aftercar.engine.machine_code import cache_folder
from aftercar.foundation import hash_bytes


def loop_sources() -> list[Path]:
    """Return the files that hold loops, and those that loops take constants from."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [f for f in files if f.stem in ("indices", "jit") or "\n@loop\n" in f.read_text(encoding="utf-8")]


def _source_hash() -> str:
    versions = [version(name).encode() for name in ("numba", "llvmlite", "numpy")]
    return hash_bytes(*(file.read_bytes() for file in loop_sources()), *versions)[:20]


_config: Any = config
_FOLDER = cache_folder() / f"loops-{_source_hash()}"


def is_cold() -> bool:
    """Tell whether the integrator's loops have yet to be compiled on this machine."""
    return not any(_FOLDER.glob("**/*.nbi"))


def loop(function: Callable[..., Any]) -> Any:
    """Compile a function without Python objects, releasing the interpreter's lock, cached on disk.

    No fast-math: the same operations in the same order give the same bits on every lane and in every batch.
    """
    before = _config.CACHE_DIR
    try:
        _FOLDER.mkdir(parents=True, exist_ok=True)
        _config.CACHE_DIR = str(_FOLDER)
        compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except OSError:  # no folder to write to: compiled anew in every process
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    finally:
        _config.CACHE_DIR = before
    return compiled


def _call(typing_context: Any, address: Any, a: Any, a_from: Any, b: Any, b_from: Any) -> Any:
    """Call the generated function at `address` with the memory of two flat arrays of doubles, from given positions.

    Positions instead of slices: making a slice costs an atomic reference count, which in the innermost loop is more
    than the arithmetic.
    """
    signature = types.void(types.int64, a, types.int64, b, types.int64)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer])
        target = builder.inttoptr(args[0], ir.PointerType(kind))
        data = [
            builder.gep(context.make_array(sig.args[k])(context, builder, args[k]).data, [args[k + 1]]) for k in (1, 3)
        ]
        builder.call(target, data)
        return context.get_dummy_value()

    return signature, generate


call: Any = intrinsic(_call)
