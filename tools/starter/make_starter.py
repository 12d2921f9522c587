"""Makes the starter model from a file of conversations: tokenizer, pretraining, measures, model card.

    python -m tools.starter.make_starter DATA [--minutes N] [--out FOLDER]

FOLDER receives `model/` (what transformers loads) and `MODEL_CARD.md`; it defaults to chatclone/starter. The work
files of the run (checkpoint, log) are in `--work`; an interrupted run continues with `--resume`.
"""

import argparse
import json
import shutil
from pathlib import Path

from tools.starter.card import model_card
from tools.starter.corpus import SampleSource, load_conversations, training_part
from tools.starter.evaluate import Measures, measure
from tools.starter.pretrain import Plan, Run
from tools.starter.tokenizer import save_tokenizer, train_tokenizer, training_texts

STARTER = Path(__file__).resolve().parents[2] / "chatclone" / "starter"
TOKENIZER_SAMPLES = 16_000


def make_tokenizer(data: Path, folder: Path) -> None:
    """Train the tokenizer on augmented samples of the training part and write it to a folder."""
    source = SampleSource(training_part(load_conversations(data)), seed=1)
    save_tokenizer(train_tokenizer(training_texts(source, TOKENIZER_SAMPLES)), folder)


def publish(work: Path, out: Path, data: Path) -> Measures:
    """Copy the finished model to `out`, measure it there and write its card."""
    shutil.copytree(work / "model", out / "model", dirs_exist_ok=True, copy_function=shutil.copyfile)
    log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
    measures = measure(out / "model", load_conversations(data))
    (out / "MODEL_CARD.md").write_text(model_card(measures, log), encoding="utf-8")
    return measures


def main() -> None:
    """Parse the command line and make the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="gzipped lines of conversations")
    parser.add_argument("--minutes", type=float, default=Plan.minutes)
    parser.add_argument("--out", type=Path, default=STARTER)
    parser.add_argument("--work", type=Path, default=Path("starter_run"), help="checkpoint, log, model so far")
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    if not args.resume:
        make_tokenizer(args.data, args.work / "tokenizer")
    run = Run(Plan(minutes=args.minutes), args.work, args.work / "tokenizer", args.data)
    if args.resume:
        run.resume()
    run.train()
    print(publish(args.work, args.out, args.data))


if __name__ == "__main__":
    main()
