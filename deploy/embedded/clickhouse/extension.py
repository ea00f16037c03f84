"""chDB's compiled module without the package around it.

`import chdb` opens an engine in memory and loads pyarrow: 0.3 s and 70 MB that a server of bytes has no use for.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

_NAME = "chdb._chdb"


def load() -> Any:
    """The module, the same at every call. Raises `ImportError` when chDB is not installed."""
    if _NAME not in sys.modules:
        path = _path()
        # As the package itself does: the engine keeps to its own allocator, whatever else the process has loaded.
        ctypes.CDLL(str(path), mode=sys.getdlopenflags() | getattr(os, "RTLD_DEEPBIND", 0))
        spec = importlib.util.spec_from_file_location(_NAME, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[_NAME] = module
    return sys.modules[_NAME]


def _path() -> Path:
    package = importlib.util.find_spec("chdb")
    for directory in (package.submodule_search_locations or ()) if package else ():
        for path in Path(directory).glob("_chdb.*.so"):
            return path
    raise ImportError("chDB is not installed (package chdb-core-lite)")
