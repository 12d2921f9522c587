"""Measures the parity of the demo persona's exports and writes the tables of docs/export.md.

    python benchmarks/parity.py [--home DIR] [--write docs/export.md] [KIND:QUANT]...

The demo persona is made in DIR/demo, if missing, as `chatclone demo` does; without --home in a temporary folder,
which trains it. The first export is shown with its whole report, all of them in a table.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from chatclone.cli.demo import prepare
from chatclone.errors import ChatcloneError
from chatclone.export.export_run import export
from chatclone.personas.persona import Persona

EXPORTS = ("adapter:f16", "merged:f16", "adapter:q8_0", "adapter:q4_k_m", "merged:q4_k_m")
BEGIN, END = "<!-- parity of the demo: benchmarks/parity.py writes it -->", "<!-- end of the parity -->"


def measured(persona: Persona, home: Path, kind: str, quant: str) -> tuple[dict[str, Any], str]:
    """Export to a temporary folder and return the parity document with its report, also of one that falls short."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            export(persona, kind, quant, Path(folder), home=home, progress=_tell, announce=_tell)
        except ChatcloneError as error:
            _tell(f"{error.message}: {error.hint}")
        (report,) = Path(folder).glob("*.parity.md")
        (document,) = Path(folder).glob("*.parity.json")
        return json.loads(document.read_text("utf-8")), report.read_text("utf-8")


def table(documents: list[dict[str, Any]]) -> str:
    """Return the exports as a Markdown table."""
    lines = [
        "| kind | quant | ids | same next token | mean KL | eval loss | keeps of the gain |",
        "|---|---|---|---|---|---|---|",
    ]
    for document in documents:
        parity, loss = document["parity"], document["parity"]["loss"]
        kept = "" if loss["kept"] is None else f"{100 * loss['kept']:.1f} %"
        ids = "identical" if parity["token_ids_equal"] else "**differ**"
        numbers = f"{100 * parity['top1_agreement']:.2f} % | {parity['mean_kl']:.2g} | {loss['gguf']:.4f} | {kept}"
        lines.append(f"| {document['kind']} | `{document['quant']}` | {ids} | {numbers} |")
    return "\n".join(lines)


def put_into(page: Path, text: str) -> None:
    """Replace the text between the two markers in a page."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no place for the report: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given / "demo"
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "demo"


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="*", default=list(EXPORTS), metavar="KIND:QUANT")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    args = parser.parse_args()
    with _home(args.home) as home:
        persona = prepare(home)
        results = [measured(persona, home, *wanted.split(":")) for wanted in args.exports]
    _, _, report = results[0][1].partition("\n\n")
    text = f"{report.strip()}\n\nOther exports:\n\n{table([document for document, _ in results])}"
    if args.write:
        put_into(args.write, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
