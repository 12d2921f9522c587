"""`chatclone doctor`: what this machine can run, and what is missing, with reasons."""

import argparse
import importlib.metadata
import importlib.util
import shutil
from typing import Any

import psutil  # type: ignore[import-untyped]  # it brings no types

from chatclone.cli.common_options import emit, home_of

EXTRAS = {
    "train": ("torch", "transformers", "peft", "trl", "datasets", "accelerate"),
    "gguf": ("llama_cpp",),
    "serve": ("starlette", "uvicorn"),
    "remote": ("httpx2",),
}
FREE_GB = 2.0
"""Free disk that a run on the starter and its exports never need more than."""


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("doctor", parents=parents, help="what will run here, and what is missing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the machine."""
    home = home_of(args)
    checks = [_extra(name, modules) for name, modules in EXTRAS.items()] + [_disk(home)]
    device, memory_mb = _device()
    document = {
        "device": device,
        "memory_mb": memory_mb,
        "checks": checks,
        "recommended": {
            "base": "starter" if device == "cpu" else "Qwen/Qwen2.5-1.5B-Instruct",
            "preset": "persona",
            "engine": "gguf" if checks[1]["ok"] else "transformers",
        },
    }
    lines = [f"{'ok ' if c['ok'] else 'NO '} {c['name']:<8} {c['detail']}" for c in checks]
    lines += [f"     {c['name']:<8} try: {c['fix']}" for c in checks if not c["ok"]]
    emit(
        args,
        document,
        "\n".join([f"device {device}, {memory_mb:,} MB of memory", *lines]),
    )
    return 0


def _extra(name: str, modules: tuple[str, ...]) -> dict[str, Any]:
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    found = ", ".join(f"{m} {_version(m)}" for m in modules if m not in missing)
    return {
        "name": name,
        "ok": not missing,
        "detail": f"missing {', '.join(missing)}" if missing else found,
        "fix": f"pip install 'chatclone[{name}]'" if missing else "",
    }


def _version(module: str) -> str:
    names = importlib.metadata.packages_distributions().get(module, [module])
    return importlib.metadata.version(names[0])


def _disk(home: Any) -> dict[str, Any]:
    existing = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 1e9
    return {
        "name": "disk",
        "ok": free > FREE_GB,
        "detail": f"{free:,.1f} GB free beside {existing}",
        "fix": "" if free > FREE_GB else f"free {FREE_GB} GB, or --home on another disk",
    }


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
