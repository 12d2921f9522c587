"""`chatclone data`: the data set as a report, as samples, as a file for other tools, and its faults."""

import argparse
import json
import random
import shutil
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from chatclone.cli.common_options import current_persona, emit, print_utf8, say
from chatclone.errors import ChatcloneError, UsageError
from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.prompt.render import ChatTemplate, Sample
    from chatclone.training.tokenized_data import Conversation


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser("data", parents=parents, help="look at the data set, or export it")
    parser.set_defaults(run=run_report, html=None)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    report = verbs.add_parser("report", parents=parents, help="where every message went, and the person's manner")
    report.add_argument("--html", type=Path, metavar="FILE", help="write it as one HTML file that needs nothing else")
    report.set_defaults(run=run_report)
    audit = verbs.add_parser("audit", parents=parents, help="a data set's faults, before it is trained on")
    audit.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="JSON lines, JSON or CSV (default: the persona's data set)"
    )
    audit.set_defaults(run=run_audit)
    sample = verbs.add_parser(
        "sample",
        parents=parents,
        help="samples as the model sees them, recalled lines too, the trained part marked",
    )
    sample.add_argument("--count", type=int, default=3, metavar="N", help="how many (default: 3)")
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="another seed shows other samples")
    sample.add_argument("--part", choices=("train", "eval"), default="train", help="of which part (default: train)")
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
    """Show the report of the last import, or write it as a page."""
    from chatclone.ingest.stored_report import read_report
    from importers.dataset.report import waterfall

    persona = current_persona(args)
    stored = read_report(_existing(persona, "report.json").parent)
    report, document, messages = stored.data, stored.document, stored.last_import.messages
    counts: dict[str, Any] = msgspec.structs.asdict(messages)
    if args.html:
        from importers.dataset.report_html import page

        _write(args.html, page(report, persona=persona.name, **counts))
        emit(args, {**document, "html": str(args.html)}, f"written to {args.html}; it holds words of people")
        return 0
    width = shutil.get_terminal_size().columns
    emit(args, document, "\n".join(waterfall(report, **counts, width=width, examples=True)))
    return 0


def run_audit(args: argparse.Namespace) -> int:
    """Show the faults of the persona's data set, or of files in any form that pairs come in."""
    from importers.dataset.audit import audit
    from importers.dataset.audit_text import audit_lines
    from importers.dataset.instruction_sets import read_pairs
    from importers.source import ImportFailure

    files = args.files
    if not files:
        persona = current_persona(args)
        files = [_existing(persona, f"{part}.jsonl") for part in ("train", "eval")]
    documents, shown = [], []
    width = shutil.get_terminal_size().columns
    for path in files:
        try:
            found = audit(read_pairs(path))
        except ImportFailure as failure:
            raise ChatcloneError(failure.templates[0], failure.templates[1], **failure.values) from failure
        documents.append({"file": str(path), **found.to_dict()})
        shown.append("\n".join(audit_lines(found, path.name, width)))
    emit(args, {"files": documents}, "\n\n".join(shown))
    return 0


def run_sample(args: argparse.Namespace) -> int:
    """Show some samples as ids turned back to text, what is trained between ⟦ and ⟧."""
    from chatclone.bases.inspect_base import describe
    from chatclone.engines.choose import resolve_base
    from chatclone.errors import MissingExtra
    from chatclone.prompt.render import ChatTemplate, PromptError
    from chatclone.training.tokenized_data import line_messages, read_lines

    if args.count < 1:
        raise UsageError(f"--count {args.count} shows nothing", "--count 3")
    persona = current_persona(args)
    lines = list(read_lines(_existing(persona, f"{args.part}.jsonl")))
    if not lines:
        say(f"note: the {args.part} part has no lines")
    base = args.base or persona.base
    folder = resolve_base(base)
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise MissingExtra("turning samples into tokens", "train") from None
    limit = describe(base, folder).context
    # Samples are cut by us; transformers would warn of every longer one on the way.
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, model_max_length=sys.maxsize)
    template = ChatTemplate.from_tokenizer(tokenizer)
    documents, shown = [], []
    chosen = random.Random(args.seed).sample(lines, min(args.count, len(lines)))
    conversations = [line_messages(line, persona.system_prompt("{partner}")) for line in chosen]
    if args.part == "train":  # what is held out is measured without memory
        conversations = _reminded(persona, conversations, [line.meta for line in chosen], template, limit, args.seed)
    for line, messages in zip(chosen, conversations, strict=True):
        try:
            sample = template.sample(messages, limit)
        except PromptError as error:
            say(f"note: a line gives no sample: {error}")
            continue
        text = _marked(sample, tokenizer)
        documents.append({"input_ids": sample.ids, "labels": sample.labels, "text": text, "meta": line.meta})
        shown.append(text)
    emit(args, documents, "\n────\n".join(shown))
    return 0


def _reminded(
    persona: Persona,
    conversations: "list[Conversation]",
    metas: list[dict[str, Any]],
    template: "ChatTemplate",
    context: int,
    seed: int,
) -> "list[Conversation]":
    """Put recalled lines into as large a share of these samples as a training run with the default preset does."""
    from chatclone.ingest.stored_report import read_report
    from chatclone.training.memory_samples import Share, add_memory_from
    from chatclone.training.setting_bounds import DEFAULT_PRESET, preset

    settings, _ = preset(DEFAULT_PRESET)
    options = read_report(_existing(persona, "report.json").parent).options
    if options.pseudonyms or not persona.memory_file.exists():
        return conversations
    return add_memory_from(
        persona.memory_file,
        conversations,
        metas,
        Share(settings.memory_share, settings.memory_irrelevant),
        template,
        context=context,
        limit=context,
        name=persona.name,
        seed=seed,
        redact=options.redact,
    ).conversations


def _marked(sample: "Sample", tokenizer: Any) -> str:
    """Return a sample as text, what is trained between ⟦ and ⟧.

    Stretches are decoded whole: a letter outside of ASCII, and any emoji, may be several tokens.
    """
    from chatclone.prompt.render import IGNORED

    parts = []
    tokens = zip(sample.ids, sample.labels, strict=True)
    for trained, stretch in groupby(tokens, key=lambda pair: pair[1] != IGNORED):
        text = tokenizer.decode([token for token, _ in stretch])
        parts.append(f"⟦{text}⟧" if trained else text)
    return "".join(parts)


def run_export(args: argparse.Namespace) -> int:
    """Write the data set in the OpenAI chat format, train lines first, eval lines marked in `meta`."""
    from chatclone.training.tokenized_data import read_lines

    persona = current_persona(args)
    parts = {split: _existing(persona, f"{split}.jsonl") for split in ("train", "eval")}
    if not args.out:
        print_utf8()
    try:
        out = args.out.open("w", encoding="utf-8") if args.out else sys.stdout
    except OSError as error:
        raise _unwritable(args.out, error) from error
    try:
        for split, path in parts.items():
            for line in read_lines(path):
                system = persona.system_prompt(line.meta.get("partner", ""))
                messages = [{"role": "system", "content": system}, *msgspec.to_builtins(line.messages)]
                row = {"messages": messages, "meta": {**line.meta, "split": split}}
                print(json.dumps(row, ensure_ascii=False), file=out)
    finally:
        if args.out:
            out.close()
    return 0


def _write(path: Path, text: str) -> None:
    from chatclone.storage.atomic_files import write_atomically

    try:
        write_atomically(path.absolute(), text)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ChatcloneError:
    return ChatcloneError(f"{path} cannot be written: {error.strerror}", "name a file in a folder of yours")


def _existing(persona: Persona, name: str) -> Path:
    path = persona.dataset_folder / name
    if not path.exists():
        raise ChatcloneError(f"{persona.name} has no data set", "chatclone import result.json")
    return path
