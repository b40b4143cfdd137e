"""What a figure was measured on: it holds for such a machine."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

# What an engine's int8 and float32 depend on, by the kernel's names.
_INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "VNNI",
    "amx_int8": "AMX",
    "i8mm": "I8MM",
}


def describe_machine(*packages: str) -> dict[str, Any]:
    """The processor, its cores, the system, and the versions of packages."""
    return {
        "processor": processor(),
        "cores": count_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def processor() -> str:
    """The processor's name, as far as the system tells, and which of the instructions above it has."""
    described = Path("/proc/cpuinfo")
    if not described.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in described.read_text("utf-8").splitlines())
    told = {name.strip(): value.strip() for name, _, value in lines}
    has = set((told.get("flags") or told.get("Features") or "").split())
    instructions = ", ".join(title for name, title in _INSTRUCTIONS.items() if name in has)
    name = told.get("model name") or f"{platform.machine()}, {os.cpu_count()} cores"
    return f"{name} ({instructions})" if instructions else name


def count_cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1
