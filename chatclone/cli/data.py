"""`chatclone data`: the data set as a report, as samples, and as a file for other tools."""

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

from chatclone.cli.options import current_persona, emit
from chatclone.errors import ChatcloneError
from chatclone.persona import Persona


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser("data", parents=parents, help="look at the data set, or export it")
    parser.set_defaults(run=run_report)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    verbs.add_parser("report", parents=parents, help="where every message went").set_defaults(run=run_report)
    sample = verbs.add_parser(
        "sample",
        parents=parents,
        help="samples as the model sees them, the trained part marked",
    )
    sample.add_argument("--count", type=int, default=3, metavar="N")
    sample.add_argument("--seed", type=int, default=0, metavar="N")
    sample.add_argument(
        "--base",
        metavar="ID_OR_DIR",
        help="whose template (default: the persona's base)",
    )
    sample.set_defaults(run=run_sample)
    export = verbs.add_parser("export", parents=parents, help="the JSONL, system turns included")
    export.add_argument("--out", type=Path, metavar="FILE", help="where to (default: stdout)")
    export.set_defaults(run=run_export)


def run_report(args: argparse.Namespace) -> int:
    """Show the report of the last import."""
    from chatclone.cli.import_ import waterfall_text
    from importers.report import DataReport

    path = _existing(current_persona(args), "report.json")
    document = json.loads(path.read_text("utf-8"))
    emit(args, document, waterfall_text(document["import"], DataReport.from_dict(document["data"])))
    return 0


def run_sample(args: argparse.Namespace) -> int:
    """Show some samples as ids turned back to text, what is trained between ⟦ and ⟧."""
    from transformers import AutoTokenizer

    from chatclone.engines.choose import resolve_base
    from chatclone.prompt import IGNORED, ChatTemplate
    from chatclone.training.data import line_messages, read_lines

    persona = current_persona(args)
    lines = list(read_lines(_existing(persona, "train.jsonl")))
    chosen = random.Random(args.seed).sample(lines, min(args.count, len(lines)))
    tokenizer = AutoTokenizer.from_pretrained(resolve_base(args.base or persona.base), local_files_only=True)
    template = ChatTemplate.from_tokenizer(tokenizer)
    samples = [template.sample(line_messages(line, persona.system_prompt("{partner}")), 1024) for line in chosen]
    document = [{"input_ids": s.ids, "labels": s.labels, "text": tokenizer.decode(s.ids)} for s in samples]
    shown = []
    for sample in samples:
        parts, trained = [], False
        for token, label in zip(sample.ids, sample.labels, strict=True):
            if (label != IGNORED) != trained:
                trained = not trained
                parts.append("⟦" if trained else "⟧")
            parts.append(tokenizer.decode([token]))
        shown.append("".join(parts) + ("⟧" if trained else ""))
    emit(args, document, "\n────\n".join(shown))
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write the data set in the OpenAI chat format, train lines first, eval lines marked in `meta`."""
    from chatclone.training.data import read_lines

    persona = current_persona(args)
    out = args.out.open("w", encoding="utf-8") if args.out else sys.stdout
    try:
        for split in ("train", "eval"):
            for line in read_lines(_existing(persona, f"{split}.jsonl")):
                system = persona.system_prompt(line["meta"].get("partner", ""))
                messages = [{"role": "system", "content": system}, *line["messages"]]
                row = {"messages": messages, "meta": {**line["meta"], "split": split}}
                print(json.dumps(row, ensure_ascii=False), file=out)
    finally:
        if args.out:
            out.close()
    return 0


def _existing(persona: Persona, name: str) -> Path:
    path = persona.dataset_folder / name
    if not path.exists():
        raise ChatcloneError(f"{persona.name} has no data set", "chatclone import result.json")
    return path
