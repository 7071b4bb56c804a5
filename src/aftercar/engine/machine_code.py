"""From LLVM text to callable addresses, with the object code kept on disk.

The key of an entry is the text itself, the compiler's version and the processor with its features: a changed model,
package or machine can never meet old code.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from aftercar.foundation import NOTICES, hash_bytes, write_atomic

# Above 1 LLVM takes twice as long and schedules once more after registers are given out; the code is no faster.
_OPTIMISATION = 1
_ready = False


@dataclass(frozen=True)
class MachineCode:
    """Compiled functions by name. `library` keeps the memory of the code alive."""

    addresses: dict[str, int]
    library: Any = field(repr=False)
    from_cache: bool = False


def cache_folder() -> Path:
    """Return where compiled models are kept: AFTERCAR_CACHE if set, else the user's cache folder."""
    if own := os.environ.get("AFTERCAR_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "aftercar" / "engine"


def processor() -> tuple[str, str]:
    """Return the processor's name and its features, as LLVM has them."""
    _prepare()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def best_width() -> int:
    """Return how many patients share a register or two: 8 with AVX-512, else 4."""
    return 8 if "+avx512f" in processor()[1].split(",") else 4


def object_key(text: str) -> str:
    """Return the name of the cache entry of a module."""
    machine = ",".join((*processor(), platform.machine(), sys.platform))
    version = ".".join(map(str, llvm.llvm_version_info))
    return hash_bytes(text.encode(), version.encode(), machine.encode(), str(_OPTIMISATION).encode())[:40]


def compile_text(text: str, names: tuple[str, ...], *, what: str = "generated code") -> MachineCode:
    """Return the addresses of the named functions of an LLVM module, compiled now or read from the cache.

    `what`: told to who waits for the compilation.
    """
    path = cache_folder() / f"{object_key(text)}.o"
    image = _read(path)
    from_cache = image is not None
    if image is None:
        NOTICES.info("compiling %s, once on this machine (some seconds) ...", what)
        image = _emit(text)
        try:
            write_atomic(path, image)
        except OSError:
            pass  # a folder that cannot be written costs the next start some seconds, nothing else
    return _link(image, path.stem, names, from_cache)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() or None
    except OSError:
        return None


def _prepare() -> None:
    global _ready
    if not _ready:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        _ready = True


def _machine() -> Any:
    name, features = processor()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=name, features=features, opt=_OPTIMISATION, reloc="pic", codemodel="default", jit=False
    )


def _emit(text: str) -> bytes:
    machine = _machine()
    module = llvm.parse_assembly(f'target triple = "{machine.triple}"\n' + text)
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=_OPTIMISATION)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


_linker: Any = None


def _link(image: bytes, name: str, names: tuple[str, ...], from_cache: bool) -> MachineCode:
    global _linker
    _prepare()
    if _linker is None:
        _linker = llvm.create_lljit_compiler(_machine(), use_jit_link=False, suppress_errors=False)
    builder = llvm.JITLibraryBuilder().add_object_img(image).add_current_process()
    for function in names:
        builder.export_symbol(function)
    count = _link_count()
    library = builder.link(_linker, f"{name}-{count}")
    return MachineCode({f: int(library[f]) for f in names}, library, from_cache)


_links = 0


def _link_count() -> int:
    global _links
    _links += 1
    return _links
