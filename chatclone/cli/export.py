"""`chatclone export`: the clone as GGUF files that run on a CPU, shown to answer like the adapter."""

import argparse
from pathlib import Path
from typing import Any

from chatclone.cli.options import Status, current_persona, emit, home_of

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
    option(
        "--quant",
        choices=("f16", "q8_0", "q4_k_m"),
        help="how weights are stored (default: by the base's size)",
    )
    option(
        "--out",
        type=Path,
        metavar="DIR",
        help="where the files go (default: the persona's models folder)",
    )
    option(
        "--llama-cpp",
        type=Path,
        metavar="DIR",
        help="a llama.cpp source tree to take the converter from",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export and report."""
    from chatclone.export.run import export

    status = Status()
    document = export(
        current_persona(args),
        args.kind,
        args.quant,
        args.out,
        home=home_of(args),
        llama_cpp=args.llama_cpp,
        progress=status.show,
    )
    status.clear()
    emit(args, document, export_text(document))
    return 0


def export_text(document: dict[str, Any]) -> str:
    """Return what was written and how equal it is."""
    parity = document["parity"]
    files = [f"{file['path']}  ({file['bytes'] / 1e6:.1f} MB)" for file in document["files"]]
    return "\n".join(
        [
            *files,
            f"parity on {parity['prompts']} prompts: token ids {'equal' if parity['token_ids_equal'] else 'DIFFER'}, "
            f"next token agrees {100 * parity['top1_agreement']:.1f} %, "
            f"largest log-probability difference {parity['max_logprob_diff']:.4f}, mean KL {parity['mean_kl']:.2g}",
        ]
    )
