"""Tiny bases of every family and an imported persona, shared by the tests of training."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chatclone.ingest.import_run import Request, ingest
from chatclone.personas.persona import Persona, load
from chatclone.training.events import EventLog
from chatclone.training.plan import Plan, make_plan
from chatclone.training.run_result import RunResult, write
from tests import exports
from tests.tiny import Family, tiny_base

CONTEXT = 512
QUICK = {
    "epochs": "2", "minimum_steps": "8", "evaluations_per_epoch": "2", "rank": "4", "learning_rate": "1e-2",
    "dropout": "0.05", "memory_share": "0.2",
}  # fmt: skip
"""Settings for a run of seconds."""

Bases = Callable[[Family], Path]
Train = Callable[[Plan], RunResult]


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """A tiny base of a family, made once, with a context long enough for recalled lines.

    GPT-NeoX and Mistral have no chat template, as Polyglot and Mistral v0.1 come.
    """
    made: dict[Family, Path] = {}

    def base(family: Family) -> Path:
        if family not in made:
            made[family] = folder = tiny_base(tmp_path_factory.mktemp("bases") / family, family)
            config = json.loads((folder / "config.json").read_text("utf-8"))
            (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": CONTEXT}), "utf-8")
            if family in ("gpt_neox", "mistral"):
                (made[family] / "chat_template.jinja").unlink()
        return made[family]

    return base


@pytest.fixture(scope="session")
def _imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    done = ingest(Request([exports.small_export(folder)]), folder / "home")
    assert done.persona is not None
    return done.persona.folder


@pytest.fixture
def mira(_imported: Path, tmp_path: Path) -> Persona:
    """A fresh copy of an imported persona."""
    return load(Path(shutil.copytree(_imported, tmp_path / "home" / "personas" / "mira")))


@pytest.fixture
def llama(bases: Bases) -> str:
    """A tiny Llama's folder."""
    return str(bases("llama"))


@pytest.fixture(scope="session")
def _libraries() -> None:
    """Import the training libraries."""
    import chatclone.training.callbacks
    import chatclone.training.trainer  # noqa: F401


@pytest.fixture
def train(_libraries: None) -> Train:
    """Trains a plan in this process, where a worker would take seconds to start."""

    def trained(plan: Plan) -> RunResult:
        from chatclone.training.worker import train

        folder = Path(plan.folder)
        folder.mkdir(parents=True, exist_ok=True)
        plan.write(folder / "plan.json")
        result = train(plan, EventLog(folder))
        assert result is not None
        write(result, folder)
        return result

    return trained


@pytest.fixture
def quick(mira: Persona, llama: str) -> Callable[..., Plan]:
    """Plans a quick run of Mira on the tiny Llama."""
    return lambda **changes: make_plan(mira, llama, overrides={**QUICK, **changes})
