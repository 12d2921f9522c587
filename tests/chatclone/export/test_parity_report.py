"""The parity report: what is a breach, and what people read."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatclone.export.parity_report import Subject, breaches, report_text, summary, write_report

PARITY: dict[str, Any] = {
    "prompts": 74,
    "prompts_from": {"held_out": 60, "training": 4, "hostile": 10},
    "token_ids_equal": True,
    "reference_bits": 32,
    "positions": 4000,
    "top1_agreement": 0.985,
    "max_logprob_diff": 0.2,
    "mean_logprob_diff": 0.01,
    "mean_kl": 0.001,
    "loss": {"trained_tokens": 888, "base": 5.0, "adapter": 3.0, "gguf": 3.14, "kept": 0.93},
}


def _subject(quant: str) -> Subject:
    return Subject("mira-1", "Mira", "runs/1/adapter", "starter", "merged", quant, Path("mira-1.gguf"), None)


class TestBreaches:
    """What an export falls short in."""

    @pytest.mark.parametrize(
        ("quant", "agreement", "passes"),
        [
            ("f16", 0.99, True),
            ("f16", 0.9899, False),
            ("q8_0", 0.97, True),
            ("q8_0", 0.96, False),
            ("q4_k_m", 0.7, True),
        ],
    )
    def test_bars(self, quant: str, agreement: float, passes: bool) -> None:
        """f16 must agree in 99 % of positions, q8_0 in 97 %; fewer bits have no bar."""
        found = breaches({**PARITY, "top1_agreement": agreement}, quant)
        assert (not found) is passes
        assert passes or quant in found[0]

    def test_reference_in_16_bits(self) -> None:
        """Where transformers itself had to round, it is no judge of single tokens."""
        assert not breaches({**PARITY, "reference_bits": 16, "top1_agreement": 0.9}, "f16")
        assert breaches({**PARITY, "reference_bits": 16, "token_ids_equal": False}, "f16")

    def test_ids(self) -> None:
        """Other token ids are a breach whatever the quant."""
        assert "token ids" in breaches({**PARITY, "token_ids_equal": False}, "q4_k_m")[0]


class TestText:
    """What people read."""

    def test_kept(self) -> None:
        """The loss is told in the unit of what training won."""
        text = report_text(_subject("q4_k_m"), PARITY)
        assert "base 5.0000, adapter 3.0000, this export 3.1400" in text
        assert "keeps 93.0 % of what the adapter gained" in text
        assert "60 of held-out conversations, 4 of training data, 10 of hostile text" in text
        assert text.endswith("Passed.\n")

    def test_breach(self) -> None:
        """A breach stands in the report."""
        assert "**Falls short**: the next token agrees in 98.50 %" in report_text(_subject("f16"), PARITY)

    def test_no_loss(self) -> None:
        """Without held-out replies the report says so, and the summary leaves it out."""
        nothing = {"trained_tokens": 0, "base": None, "adapter": None, "gguf": None, "kept": None}
        assert "No reply is held out" in report_text(_subject("f16"), {**PARITY, "loss": nothing})
        assert "loss" not in summary({**PARITY, "loss": nothing})

    def test_no_gain(self) -> None:
        """An adapter that learned nothing is told."""
        loss = {**PARITY["loss"], "kept": None}
        assert "gained nothing" in report_text(_subject("f16"), {**PARITY, "loss": loss})

    def test_summary(self) -> None:
        """The command prints the same in two lines."""
        first, second = summary(PARITY).splitlines()
        assert first.startswith("parity on 74 prompts: token ids equal, next token agrees 98.50 %")
        assert second.endswith("It keeps 93.0 % of what the adapter gained over the base.")


def test_files(tmp_path: Path) -> None:
    """Both files are named after the export, and the JSON lists its breaches."""
    text = write_report(tmp_path / "models", _subject("f16"), PARITY)
    assert text == tmp_path / "models" / "mira-1.parity.md"
    document = json.loads((tmp_path / "models" / "mira-1.parity.json").read_text())
    assert (document["quant"], document["files"], len(document["breaches"])) == ("f16", ["mira-1.gguf"], 1)
    assert document["parity"] == PARITY
