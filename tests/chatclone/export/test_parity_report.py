"""The parity report: breaches, and the text."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatclone.export.parity_report import ExportedFiles, Loss, Parity, report_text, write_report
from chatclone.personas.persona import Persona

PARITY = Parity(
    prompts=74,
    prompts_from={"held_out": 60, "training": 4, "hostile": 10},
    token_ids_equal=True,
    reference_bits=32,
    positions=4000,
    top1_agreement=0.985,
    max_logprob_diff=0.2,
    mean_logprob_diff=0.01,
    mean_kl=0.001,
    loss=Loss(888, 5.0, 3.0, 3.14),
)


def _parity(**changes: Any) -> Parity:
    return msgspec.structs.replace(PARITY, **changes)


def _files(quant: str) -> ExportedFiles:
    persona = Persona(Path("mira"), "Mira", adapter="runs/1/adapter")
    return ExportedFiles("mira-1", persona, "merged", quant, Path("mira-1.gguf"), None)


class TestBreaches:
    """The ways in which an export falls short."""

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
        """f16 must agree in 99 % of positions, q8_0 in 97 %; fewer bits have no minimum."""
        found = _parity(top1_agreement=agreement).breaches(quant)
        assert (not found) is passes
        assert passes or quant in found[0]

    def test_reference_in_16_bits(self) -> None:
        """With a 16-bit reference the next token has no minimum."""
        assert not _parity(reference_bits=16, top1_agreement=0.9).breaches("f16")
        assert _parity(reference_bits=16, token_ids_equal=False).breaches("f16")

    def test_ids(self) -> None:
        """Other token ids are a breach in every quantization."""
        assert "token ids" in _parity(token_ids_equal=False).breaches("q4_k_m")[0]


class TestText:
    """The text of the report."""

    def test_kept(self) -> None:
        """The loss is reported as a share of the adapter's gain."""
        text = report_text(_files("q4_k_m"), PARITY)
        assert "base 5.0000, adapter 3.0000, this export 3.1400" in text
        assert "keeps 93.0 % of what the adapter gained" in text
        assert "60 of held-out conversations, 4 of training data, 10 of difficult text" in text
        assert text.endswith("Passed.\n")

    def test_breach(self) -> None:
        """A breach is in the report."""
        assert "**Falls short**: the next token agrees in 98.50 %" in report_text(_files("f16"), PARITY)

    def test_no_loss(self) -> None:
        """Without held-out replies the report says so, and the summary leaves it out."""
        nothing = _parity(loss=Loss(0))
        assert "No reply is held out" in report_text(_files("f16"), nothing)
        assert "loss" not in nothing.summary()

    def test_no_gain(self) -> None:
        """An adapter without a gain is reported."""
        assert "gained nothing" in report_text(_files("f16"), _parity(loss=Loss(888, 5.0, 5.0, 5.0)))

    def test_summary(self) -> None:
        """The summary has two lines."""
        first, second = PARITY.summary().splitlines()
        assert first.startswith("parity on 74 prompts: token ids equal, next token agrees 98.50 %")
        assert second.endswith("It keeps 93.0 % of what the adapter gained over the base.")


def test_files(tmp_path: Path) -> None:
    """Both files are named after the export, and the JSON lists its breaches."""
    text = write_report(tmp_path / "models", _files("f16"), PARITY)
    assert text == tmp_path / "models" / "mira-1.parity.md"
    document = json.loads((tmp_path / "models" / "mira-1.parity.json").read_text())
    assert (document["quant"], document["files"], len(document["breaches"])) == ("f16", ["mira-1.gguf"], 1)
    assert msgspec.convert(document["parity"], Parity) == PARITY
