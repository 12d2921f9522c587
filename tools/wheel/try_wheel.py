"""Build the wheel and try it with each extra alone, in an empty environment, as somebody who installs it would.

`python -m tools.wheel.try_wheel [EXTRA...]`: all extras without arguments; `core` is the wheel without any. The
distributions stay in `dist/`. An environment sees nothing of the checkout: commands run in an empty folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = ["import", "{demo}", "--json"]
TALK = ["chat", "--once", "hey", "--seed", "1", "--json", "--no-memory"]
TRIALS: dict[str, list[list[str]]] = {
    "core": [
        ["--help"],
        ["--version"],
        IMPORTED,
        ["data", "report"],
        ["data", "audit"],
        ["memory", "search", "birthday", "--json"],
        ["memory", "check"],
        ["persona", "list"],
        ["doctor"],
        ["where"],
    ],
    "train": [
        IMPORTED,
        ["train", "--base", "starter", "--preset", "demo", "--set", "epochs=1", "--set", "minimum_steps=0", "--json"],
        [*TALK, "--engine", "transformers"],
    ],
    "gguf": [IMPORTED, ["doctor", "--json"], ["memory", "search", "birthday"]],
    "memory": [IMPORTED, ["memory", "search", "feline", "--json"], ["memory", "check"]],
    "remote": [IMPORTED, ["doctor"]],
    "serve": [IMPORTED, ["serve", "--help"]],
    "web": [IMPORTED, ["--help"]],
}
"""What each extra is tried with: commands of the installed program, all of which must exit with 0."""
MODULES = {
    "core": ["chatclone.cli.main", "chatclone.tui.app", "importers.registry", "memory.memory"],
    "train": ["torch", "trl", "peft", "chatclone.training.worker"],
    "gguf": ["llama_cpp", "chatclone.engines.llama_cpp"],
    "memory": ["faiss", "sentence_transformers"],
    "remote": ["chatclone.engines.openai_api"],
    "serve": ["chatclone.serve.http_api"],
    "web": ["chatclone.web.page_server"],
}
"""What must be importable with each extra."""


def build(dist: Path) -> Path:
    """Build sdist and wheel into an emptied `dist` and return the wheel."""
    shutil.rmtree(dist, ignore_errors=True)
    run([sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT)], ROOT)
    (wheel,) = dist.glob("*.whl")
    return wheel


def try_extra(wheel: Path, extra: str, folder: Path) -> None:
    """Install the wheel with one extra into a new environment under `folder`, and run its trials there."""
    venv.create(folder / "venv", with_pip=True)
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    what = str(wheel) if extra == "core" else f"{wheel}[{extra}]"
    constraints = str(ROOT / "constraints.txt")
    run([str(scripts / "python"), "-m", "pip", "install", "--quiet", "--constraint", constraints, what], folder)
    run([str(scripts / "python"), "-m", "pip", "check"], folder)
    imports = "; ".join(f"import {module}" for module in MODULES[extra])
    run([str(scripts / "python"), "-c", imports], folder)
    demo = subprocess.check_output(
        [str(scripts / "python"), "-c", "from chatclone.paths import demo_export; print(demo_export())"],
        cwd=folder,
        text=True,
    ).strip()
    for trial in TRIALS[extra]:
        run([str(scripts / "chatclone"), *(demo if part == "{demo}" else part for part in trial)], folder)


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder with a home of its own; its output is shown where it fails, and the program ends."""
    environment = {**os.environ, "CHATCLONE_HOME": str(folder / "home"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        environment.pop(name, None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"failed with {done.returncode}: {' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")


def main(extras: list[str]) -> None:
    """Build once, and try every extra."""
    wheel = build(ROOT / "dist")
    for extra in extras or list(TRIALS):
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="chatclone-wheel-") as folder:
            try_extra(wheel, extra, Path(folder))
        print(f"{extra}: works, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
