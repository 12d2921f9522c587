"""`chatclone doctor`: what this machine can run, and what is missing, with reasons."""

import argparse
import importlib.metadata
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import msgspec
import psutil  # type: ignore[import-untyped]  # it brings no types

from chatclone.cli.common_options import emit, home_of

EXTRAS = {
    "train": ("torch", "transformers", "peft", "trl", "datasets", "accelerate"),
    "gguf": ("llama_cpp",),
    "serve": ("starlette", "uvicorn"),
    "remote": ("httpx2",),
}
FREE_GB = 2.0
"""Free disk space that a run on the starter model and its exports need at most."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    """An extra's name, or `disk`."""
    ok: bool
    detail: str
    """What was found."""
    fix: str
    """What to do about it; empty where all is well."""


class Recommended(msgspec.Struct, frozen=True):
    """What suits this machine."""

    base: str
    preset: str
    engine: str


class Diagnosis(msgspec.Struct, frozen=True):
    """The document of `chatclone doctor --json`."""

    device: str
    """cuda, mps or cpu."""
    memory_mb: int
    """The GPU's memory, or the computer's where there is no GPU of its own."""
    checks: list[Check]
    recommended: Recommended


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("doctor", parents=parents, help="what will run here, and what is missing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the machine."""
    found = diagnose(home_of(args))
    lines = [f"device {found.device}, {found.memory_mb:,} MB of memory"]
    lines += [f"{'ok ' if check.ok else 'NO '} {check.name:<8} {check.detail}" for check in found.checks]
    lines += [f"     {check.name:<8} try: {check.fix}" for check in found.checks if not check.ok]
    emit(args, msgspec.to_builtins(found), "\n".join(lines))
    return 0


def diagnose(home: Path) -> Diagnosis:
    """Return what this machine can run."""
    extras = {name: _extra(name, modules) for name, modules in EXTRAS.items()}
    device, memory_mb = _device()
    recommended = Recommended(
        base="starter" if device == "cpu" else "Qwen/Qwen2.5-1.5B-Instruct",
        preset="persona",
        engine="gguf" if extras["gguf"].ok else "transformers",
    )
    return Diagnosis(device, memory_mb, [*extras.values(), _disk(home)], recommended)


def _extra(name: str, modules: tuple[str, ...]) -> Check:
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if missing:
        return Check(name, False, f"missing {', '.join(missing)}", f"pip install 'chatclone[{name}]'")
    return Check(name, True, ", ".join(f"{m} {_version(m)}" for m in modules), "")


def _version(module: str) -> str:
    names = importlib.metadata.packages_distributions().get(module, [module])
    return importlib.metadata.version(names[0])


def _disk(home: Path) -> Check:
    existing = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 1e9
    fix = "" if free > FREE_GB else f"free {FREE_GB} GB, or --home on another disk"
    return Check("disk", not fix, f"{free:,.1f} GB free beside {existing}", fix)


def _device() -> tuple[str, int]:
    """Return cuda, mps or cpu with its memory in MB; without torch it is the CPU."""
    if importlib.util.find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            return "cuda", torch.cuda.get_device_properties(0).total_memory // 2**20
        if torch.backends.mps.is_available():
            return "mps", _ram_mb()
    return "cpu", _ram_mb()


def _ram_mb() -> int:
    return int(psutil.virtual_memory().total) // 2**20
