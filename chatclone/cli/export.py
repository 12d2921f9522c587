"""`chatclone export`: the clone as GGUF files that run on a CPU, shown to answer like the adapter."""

import argparse
from pathlib import Path
from typing import Any

from chatclone.cli.common_options import Status, current_persona, emit, home_of, say

QUANTS = ("f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m")


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("export", parents=parents, help="write the clone as GGUF, with a parity report")
    option = parser.add_argument
    option(
        "--kind",
        choices=("adapter", "merged"),
        default="adapter",
        help="a small file on a shared base, or one file",
    )
    option("--quant", choices=QUANTS, help="how weights are stored (default: by the base's size)")
    option("--out", type=Path, metavar="DIR", help="where the files go (default: the persona's models folder)")
    option(
        "--base-gguf", type=Path, metavar="FILE", help="a GGUF of the base that you have already, for --kind adapter"
    )
    option("--llama-cpp", type=Path, metavar="DIR", help="a llama.cpp source tree to take the converter from")
    option(
        "--verify",
        nargs="?",
        const="",
        metavar="FILE",
        help="write nothing but the parity report again, of the current export or of FILE",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, or verify, and report."""
    from chatclone.export.export_run import export, verify

    persona, home, status = current_persona(args), home_of(args), Status()

    def announce(text: str) -> None:
        status.clear()
        say(text)

    try:
        if args.verify is not None:
            file = Path(args.verify) if args.verify else None
            document = verify(persona, file, home=home, progress=status.show, announce=announce)
        else:
            document = export(
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
    emit(args, document, export_text(document))
    return 0


def export_text(document: dict[str, Any]) -> str:
    """Return what was written and how equal it is."""
    from chatclone.export.parity_report import summary

    files = [f"{file['path']}  ({file['bytes'] / 1e6:.1f} MB)" for file in document["files"]]
    return "\n".join([*files, *document["beside"], summary(document["parity"])])
