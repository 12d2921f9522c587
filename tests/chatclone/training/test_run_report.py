"""What a run leaves: report, curves, card and lineage."""

import hashlib
import json
import shutil
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from chatclone.training import run_report
from chatclone.training.plan import Plan, make_plan
from chatclone.training.run_result import RunResult
from tests import exports
from tests.chatclone.training.conftest import QUICK, Bases


@pytest.fixture(scope="module")
def trained(_imported: Path, tmp_path_factory: pytest.TempPathFactory, bases: Bases) -> tuple[Plan, RunResult]:
    """A quick run whose best adapter is not its last one."""
    from chatclone.personas.persona import load
    from chatclone.training.events import EventLog
    from chatclone.training.worker import train

    folder = tmp_path_factory.mktemp("trained")
    mira = load(Path(shutil.copytree(_imported, folder / "home" / "personas" / "mira")))
    worse = {"epochs": "8", "learning_rate": "0.5", "clip": "100", "patience": "1", "warmup": "0"}
    plan = make_plan(mira, str(bases("llama")), overrides={**QUICK, **worse})
    run = Path(plan.folder)
    run.mkdir(parents=True)
    plan.write(run / "plan.json")
    result = train(plan, EventLog(run))
    assert result is not None
    return Plan.read(run / "plan.json"), result


def test_report(trained: tuple[Plan, RunResult]) -> None:
    """The report has the verdict, every evaluation, every setting with its reason, and the curves."""
    plan, result = trained
    report = Path(result.report).read_text("utf-8")
    assert result.verdict.reason in report
    assert f"![loss, token accuracy and learning rate by step]({'curves.svg'})" in report
    assert (Path(plan.folder) / "curves.svg").read_text("utf-8").startswith("<svg")
    assert "| 0 |  | " in report and "| the base |" in report and report.count("| kept |") == 1
    assert all(f"| {key} |" in report for key in plan.settings.__struct_fields__)
    assert "auto" not in {line.split("|")[2].strip() for line in report.splitlines() if line.startswith("| ")}


class TestLineage:
    """The document that programs read about an adapter."""

    def test_says_what_it_was_made_from(self, trained: tuple[Plan, RunResult]) -> None:
        """Base, counts, settings, metrics, template and versions; hashes are those of the files."""
        plan, result = trained
        adapter = Path(result.adapter)
        lineage = json.loads((adapter / "lineage.json").read_text("utf-8"))
        assert lineage["base"]["fingerprint"] == plan.base_fingerprint
        assert lineage["base"]["name"] == Path(plan.base).name and lineage["base"]["revision"] is None
        for key, file in (("adapter", "adapter_model.safetensors"), ("template", "chat_template.jinja")):
            assert lineage[key]["sha256"] == hashlib.sha256((adapter / file).read_bytes()).hexdigest()
        assert (lineage["data"]["platform"], lineage["data"]["replies"]) == ("telegram", result.data.replies)
        assert lineage["data"]["digest"] == plan.data_digest
        assert lineage["metrics"]["eval_loss"] == result.eval_loss
        assert lineage["verdict"] == msgspec.to_builtins(result.verdict, enc_hook=str)
        assert not list(adapter.glob("*.bin"))  # no pickle lies beside it
        assert {"torch", "peft", "trl", "transformers"} <= lineage["versions"].keys()

    def test_of_the_last_adapter(self, trained: tuple[Plan, RunResult]) -> None:
        """The adapter of the last step has its own lineage."""
        _, result = trained
        last = Path(result.last_adapter)
        lineage = json.loads((last / "lineage.json").read_text("utf-8"))
        assert lineage["adapter"]["step"] == result.steps > result.best_step
        assert lineage["adapter"]["kept_for"] == "the last step"
        weights = (last / "adapter_model.safetensors").read_bytes()
        assert lineage["adapter"]["sha256"] == hashlib.sha256(weights).hexdigest()

    def test_tells_nothing_of_anybody(self, trained: tuple[Plan, RunResult]) -> None:
        """Card and lineage have no messages, partners or paths of this computer."""
        plan, result = trained
        for name in ("lineage.json", "README.md"):
            text = (Path(result.adapter) / name).read_text("utf-8")
            assert "Theo" not in text
            assert str(Path(plan.folder).parents[2]) not in text and plan.base not in text
            assert not any(topic in text for topic in exports.TOPICS if " " in topic or len(topic) > 6)

    def test_revision_of_a_hub_base(self, trained: tuple[Plan, RunResult], tmp_path: Path) -> None:
        """The revision of a base in the hub's cache is noted."""
        plan, result = trained
        revision = "0123456789abcdef0123456789abcdef01234567"
        snapshot = tmp_path / "models--a--b" / "snapshots" / revision
        shutil.copytree(plan.base_folder, snapshot)
        adapter = Path(shutil.copytree(result.adapter, tmp_path / "run" / "adapter"))
        run_report.write_card(adapter, replace(plan, base="a/b", base_folder=str(snapshot)), result, step=1)
        lineage = json.loads((adapter / "lineage.json").read_text("utf-8"))
        assert (lineage["base"]["name"], lineage["base"]["revision"]) == ("a/b", revision)
        assert f"revision `{revision}`" in (adapter / "README.md").read_text("utf-8")


def test_card_is_one_of_peft(trained: tuple[Plan, RunResult]) -> None:
    """The hub's library reads the card's front matter, which has the same keys as PEFT's."""
    from huggingface_hub import ModelCard

    plan, result = trained
    read = ModelCard.load(Path(result.adapter) / "README.md")
    data = read.data.to_dict()
    assert (data["base_model"], data["library_name"]) == (Path(plan.base).name, "peft")
    assert {"lora", "transformers", f"base_model:adapter:{Path(plan.base).name}"} <= set(data["tags"])
    assert f"- PEFT {result.versions['peft']}" in read.text
    assert result.verdict.reason in read.text


@pytest.mark.parametrize(
    ("name", "written"), [("starter", "starter"), ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"), ("a: b", '"a: b"')]
)
def test_front_matter_is_yaml(name: str, written: str) -> None:
    """Names that YAML would read as something else are quoted."""
    assert run_report.yaml_string(name) == written
