"""`chatclone export`: the clone as GGUF files that run on a CPU, with a parity report."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.cli.common_options import Status, current_persona, emit, home_of, say
from chatclone.export.quantize import QUANTIZATIONS

if TYPE_CHECKING:
    from chatclone.export.export_run import ExportResult


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("export", parents=parents, help="write the clone as GGUF, with a parity report")
    option = parser.add_argument
    option(
        "--kind", choices=("adapter", "merged"), default="adapter", help="a small file on a shared base, or one file"
    )
    option("--quant", choices=tuple(QUANTIZATIONS), help="how to quantize the weights (default: by the base's size)")
    option("--out", type=Path, metavar="DIR", help="where the files go (default: the persona's models folder)")
    option("--base-gguf", type=Path, metavar="FILE", help="use this GGUF of the base, for --kind adapter")
    option("--llama-cpp", type=Path, metavar="DIR", help="take the converter from this llama.cpp source tree")
    option(
        "--verify",
        nargs="?",
        const="",
        metavar="FILE",
        help="repeat the parity report of the current export, or of FILE, and write nothing else",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, or verify, and report."""
    import msgspec

    from chatclone.export.export_run import export, verify

    persona, home, status = current_persona(args), home_of(args), Status()

    def announce(text: str) -> None:
        status.clear()
        say(text)

    try:
        if args.verify is not None:
            file = Path(args.verify) if args.verify else None
            result = verify(persona, file, home=home, progress=status.show, announce=announce)
        else:
            result = export(
                persona,
                args.kind,
                args.quant,
                args.out,
                home=home,
                base_gguf=args.base_gguf,
                llama_cpp=args.llama_cpp,
                progress=status.show,
                announce=announce,
            )
    finally:
        status.clear()
    emit(args, msgspec.to_builtins(result), export_text(result))
    return 0


def export_text(result: "ExportResult") -> str:
    """Return the files that were written and the summary of the parity report."""
    files = [f"{file.path}  ({file.bytes / 1e6:.1f} MB)" for file in result.files]
    return "\n".join([*files, *result.beside, result.parity.summary()])
