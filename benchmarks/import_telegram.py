"""What importing costs over `json.load` of the same file: reading it into messages, and the whole import.

    python benchmarks/import_telegram.py [--messages 1000000] [--repeats 3] [--no-import] [--no-chat-miner] [--json]

A seeded account export (`benchmarks/telegram_export.py`) is written to a temporary folder. Every contender runs in a
process of its own, all in turn, `--repeats` times, so that a busy machine slows them alike; figures are medians, ratios
those of the median times. Seconds are those of the processor, since json.load and reading use one core each; wall time
stands in the JSON as well. Time and peak memory of a reader do not count its interpreter's start; an import's do: it
is the command a person types, with lexical memory. ijson, msgspec and orjson read for scale where they are installed,
and chat-miner is installed from the package index into an environment of its own. Peak memory is that of the process.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.telegram_export import write_export

GROWTH = (10_000, 100_000, 1_000_000)
CHAT_MINER = """
import sys, time
from chatminer.chatparsers import TelegramJsonParser
started, processor = time.perf_counter(), time.process_time()
parser = TelegramJsonParser(sys.argv[1], chat_name="Chat 0")
parser.parse_file()
found = len(parser.parsed_messages.get_df())
wall, seconds = time.perf_counter() - started, time.process_time() - processor
print('{"messages": %d, "wall": %f, "seconds": %f}' % (found, wall, seconds))
"""
"""chat-miner reads one chat of an account at a time, after loading all of it; this asks for the largest."""

Figures = dict[str, float]
Reader = Callable[[Path], int]
"""Reads an export and returns how many messages it met."""


def by_json() -> Reader:
    """Load the file with the standard library."""

    def read(path: Path) -> int:
        with path.open(encoding="utf-8") as file:
            return count(json.load(file))

    return read


def by_importer() -> Reader:
    """Read the file into `Message`s, as an import does."""
    from importers.telegram.json_export import TelegramExport

    def read(path: Path) -> int:
        export = TelegramExport(path)
        kept = sum(1 for _ in export.messages())
        assert kept + export.reading.dropped.total() == export.reading.read
        return export.reading.read

    return read


def by_ijson() -> Reader:
    """Take each message as a dictionary from ijson's fastest backend."""
    ijson: Any = import_module("ijson")

    def read(path: Path) -> int:
        with path.open("rb") as file:
            return sum(1 for _ in ijson.items(file, "chats.list.item.messages.item", use_float=True))

    return read


def by_msgspec() -> Reader:
    """Load the file whole with msgspec."""
    msgspec: Any = import_module("msgspec")
    return lambda path: count(msgspec.json.decode(path.read_bytes()))


def by_orjson() -> Reader:
    """Load the file whole with orjson."""
    orjson: Any = import_module("orjson")
    return lambda path: count(orjson.loads(path.read_bytes()))


def count(account: Any) -> int:
    """Return how many messages an account's chats hold."""
    return sum(len(chat["messages"]) for chat in account["chats"]["list"])


READERS: Mapping[str, Callable[[], Reader]] = {
    "json.load": by_json,
    "reading into Messages": by_importer,
    "ijson": by_ijson,
    "msgspec, whole file": by_msgspec,
    "orjson": by_orjson,
}
"""What reads the file, imported before its time is taken."""
IMPORT, MINER = "chatclone import", "chat-miner"


def child(reader: str, path: Path) -> None:
    """Run one reader and print its figures; the rest of this program is the parent's."""
    read = READERS[reader]()
    started, processor = time.perf_counter(), time.process_time()
    met = read(path)
    figures = {"messages": met, "wall": time.perf_counter() - started, "seconds": time.process_time() - processor}
    print(json.dumps({**figures, **_own_peak()}))


def _own_peak() -> Figures:
    """Return this process' peak memory, where the system tells; from outside it is never less than the parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peak = next((line for line in lines if line.startswith("VmHWM:")), None)
    return {} if peak is None else {"peak_mb": int(peak.split()[1]) / 1024}


def run(command: list[str], **environment: str) -> tuple[str, Figures]:
    """Run a process to its end; return what it printed, and its seconds, wall time and peak memory."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command[:4])}: {errors.read().strip().splitlines()[-1:]}")
        output.seek(0)
        kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
        return output.read(), {
            "seconds": usage.ru_utime + usage.ru_stime, "wall": wall, "peak_mb": kilobytes / 1024,
        }  # fmt: skip


def run_reader(command: list[str], path: Path) -> Figures:
    """Run a process that prints its own figures; what it does not print is measured from outside."""
    printed, figures = run([*command, str(path)])
    return {**figures, **json.loads(printed)}


def run_import(path: Path) -> Figures:
    """Import into a home of its own, with lexical memory, and check that every message is accounted for."""
    from chatclone.recall.persona_memory import EMBEDDER_VARIABLE

    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "chatclone", "import", str(path), "--home", home, "--json"]
        printed, figures = run(command, **{EMBEDDER_VARIABLE: "none"})
    return {**figures, "messages": json.loads(printed)["messages"]["read"]}


def contenders(folder: Path, *, whole: bool, chat_miner: bool) -> tuple[dict[str, Callable[[Path], Figures]], str]:
    """Return what can be measured here, and why chat-miner cannot, if so."""
    script = str(Path(__file__).resolve())
    found: dict[str, Callable[[Path], Figures]] = {}
    for name in READERS:
        module = name.split(",")[0]
        if module in ("json.load", "reading into Messages") or find_spec(module):
            found[name] = partial(run_reader, [sys.executable, script, "--child", name])
    if whole:
        found[IMPORT] = run_import
    if not chat_miner:
        return found, "not asked for"
    try:
        python = _chat_miner(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        return found, f"could not be installed: {error}"
    found[MINER] = partial(run_reader, [str(python), "-c", CHAT_MINER])
    return found, ""


def _chat_miner(folder: Path) -> Path:
    """Install chat-miner into an environment of its own and return its interpreter."""
    venv.create(folder / "miner", with_pip=True)
    python = folder / "miner" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "chat-miner"], check=True, stdout=sys.stderr)
    return python


def measure(path: Path, found: Mapping[str, Callable[[Path], Figures]], repeats: int) -> dict[str, Any]:
    """Run all in turn, `repeats` times, and return the medians, or what went wrong."""
    taken: dict[str, list[Figures]] = {name: [] for name in found}
    failed: dict[str, str] = {}
    for turn in range(repeats):
        for name, contender in found.items():
            if name in failed:
                continue
            print(f"{path.stem}: {name}, {turn + 1} of {repeats}", file=sys.stderr)
            try:
                taken[name].append(contender(path))
            except RuntimeError as error:
                failed[name] = str(error)
    rows: dict[str, Any] = {name: {"failed": reason} for name, reason in failed.items()}
    for name, figures in taken.items():
        if name not in failed:
            rows[name] = {key: statistics.median(f[key] for f in figures) for key in figures[0]}
    for row in rows.values():
        if "failed" not in row and "json.load" not in failed:
            row["ratio"] = row["seconds"] / rows["json.load"]["seconds"]
    return {name: rows[name] for name in found}


def growth(folder: Path, measured: dict[int, Any], names: list[str], repeats: int, seed: int) -> dict[str, Any]:
    """Return microseconds a message by size of the export, for those of `names` that could be measured."""
    found, _ = contenders(folder, whole=IMPORT in names, chat_miner=False)
    for size in GROWTH:
        if size < max(measured):
            path = folder / f"{size}.json"
            write_export(path, size, seed)
            measured[size] = measure(path, {name: found[name] for name in names if name in found}, repeats)
            path.unlink()
    return {
        name: {size: 1e6 * measured[size][name]["seconds"] / size for size in sorted(measured)}
        for name in names
        if all("seconds" in measured[size].get(name, {}) for size in measured)
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures as two Markdown tables."""
    lines = [f"{result['messages']:,} messages, {result['megabytes']:,.0f} MB, {result['repeats']} repeats", ""]
    lines += ["| | ratio to json.load | processor seconds | peak MB | messages |", "|---|---|---|---|---|"]
    for name, row in result["contenders"].items():
        if "failed" in row:
            lines.append(f"| {name} | {row['failed']} | | | |")
        else:
            ratio, seconds, peak = row["ratio"], row["seconds"], row["peak_mb"]
            lines.append(f"| {name} | {ratio:.2f} | {seconds:.2f} | {peak:,.0f} | {int(row['messages']):,} |")
    if result["chat_miner"]:
        lines.append(f"| {MINER} | {result['chat_miner']} | | | |")
    sizes = [f"{size:,}" for size in next(iter(result["growth"].values()))]
    lines += ["", f"| µs a message at | {' | '.join(sizes)} |", f"|---|{'---|' * len(sizes)}"]
    for name, row in result["growth"].items():
        lines.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in row.values())} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-import", action="store_true", help="leave the whole import out")
    parser.add_argument("--no-chat-miner", action="store_true", help="leave chat-miner out")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child[0], Path(args.child[1]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / f"{args.messages}.json"
        write_export(path, args.messages, args.seed)
        found, missing = contenders(folder, whole=not args.no_import, chat_miner=not args.no_chat_miner)
        rows = measure(path, found, args.repeats)
        shutil.rmtree(folder / "miner", ignore_errors=True)
        result = {
            "messages": args.messages, "megabytes": path.stat().st_size / 1e6, "repeats": args.repeats,
            "contenders": rows, "chat_miner": missing,
        }  # fmt: skip
        names = [name for name in ("json.load", "reading into Messages", IMPORT) if name in found]
        result["growth"] = growth(folder, {args.messages: rows}, names, args.repeats, args.seed)
    print(json.dumps(result, indent=1) if args.json else table(result))


if __name__ == "__main__":
    main()
