"""The plan: every setting with its reason, and what makes no plan possible."""

import json
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError, UsageError
from chatclone.ingest import Request, ingest
from chatclone.persona import Persona
from chatclone.training.plan import Plan, make_plan, preset_names
from tests import exports


@pytest.fixture
def mira(tmp_path: Path) -> Persona:
    """An imported persona."""
    done = ingest(Request([exports.small_export(tmp_path)]), tmp_path / "home")
    assert done.persona is not None
    return done.persona


def model_folder(folder: Path, weights: int = 1000, name: str = "model.safetensors") -> Path:
    """Make a folder that looks like a base model of `weights` bytes."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 512}), "utf-8")
    with (folder / name).open("wb") as file:
        file.truncate(weights)
    return folder


class TestSettings:
    """What is decided."""

    @pytest.mark.parametrize("preset", preset_names())
    def test_every_value_has_a_reason(self, mira: Persona, tmp_path: Path, preset: str) -> None:
        """A preset of the package gives each setting with a reason of at least two words."""
        plan = make_plan(mira, str(model_folder(tmp_path / "base")), preset)
        assert all(len(plan.reasons[key].split()) >= 2 for key in plan.settings)

    @pytest.mark.parametrize(("gigabytes", "rate"), [(0.02, 5e-3), (3, 2e-4), (14, 1e-4)])
    def test_learning_rate_by_size(self, mira: Persona, tmp_path: Path, gigabytes: float, rate: float) -> None:
        """A small base learns at a higher rate than a large one."""
        plan = make_plan(mira, str(model_folder(tmp_path / "base", int(gigabytes * 1e9))))
        assert plan.settings["learning_rate"] == rate
        assert plan.settings["max_length"] == 512

    def test_overrides(self, mira: Persona, tmp_path: Path) -> None:
        """A setting keeps its type when it is set by hand."""
        plan = make_plan(mira, str(model_folder(tmp_path / "base")), overrides={"rank": "8", "learning_rate": "1e-5"})
        assert (plan.settings["rank"], plan.settings["learning_rate"]) == (8, 1e-5)
        assert plan.reasons["rank"] == "set by you"

    def test_round_trip(self, mira: Persona, tmp_path: Path) -> None:
        """The worker reads what was planned."""
        plan = make_plan(mira, str(model_folder(tmp_path / "base")))
        plan.write(tmp_path / "plan.json")
        assert Plan.read(tmp_path / "plan.json") == plan

    def test_runs_are_numbered(self, mira: Persona, tmp_path: Path) -> None:
        """A second run of the day has the next number."""
        base = str(model_folder(tmp_path / "base"))
        first = make_plan(mira, base)
        Path(first.folder).mkdir(parents=True)
        assert make_plan(mira, base).run == first.run[:-1] + "2"


class TestWrongInput:
    """What makes no plan possible."""

    @pytest.mark.parametrize(
        ("overrides", "what"),
        [
            ({"rank": "many"}, "is not a int"),
            ({"learning_rate": "-1"}, "above zero"),
            ({"rnak": "3"}, "no setting rnak"),
        ],
    )
    def test_settings(self, mira: Persona, tmp_path: Path, overrides: dict[str, str], what: str) -> None:
        """A value of the wrong kind, a negative one, an unknown key."""
        with pytest.raises(UsageError, match=what):
            make_plan(mira, str(model_folder(tmp_path / "base")), overrides=overrides)

    def test_preset(self, mira: Persona, tmp_path: Path) -> None:
        """An unknown preset is answered with those there are."""
        with pytest.raises(UsageError) as error:
            make_plan(mira, str(model_folder(tmp_path / "base")), "strongest")
        assert "persona" in error.value.hint

    def test_no_data(self, tmp_path: Path) -> None:
        """A persona without a data set is sent to import."""
        with pytest.raises(ChatcloneError, match="no data set"):
            make_plan(Persona(tmp_path, "Mira"), str(model_folder(tmp_path / "base")))

    def test_too_few_replies(self, tmp_path: Path) -> None:
        """Too few replies are counted and told."""
        done = ingest(Request([exports.small_export(tmp_path, 12)]), tmp_path / "home")
        assert done.persona is not None
        with pytest.raises(ChatcloneError, match=r"only 1[0-2] replies"):
            make_plan(done.persona, str(model_folder(tmp_path / "base")))

    def test_pickled_weights(self, mira: Persona, tmp_path: Path) -> None:
        """A base with pickled weights only is refused."""
        base = model_folder(tmp_path / "base", name="pytorch_model.bin")
        with pytest.raises(ChatcloneError, match="safetensors"):
            make_plan(mira, str(base))

    def test_base_that_is_not_there(self, mira: Persona) -> None:
        """A base that is neither a folder nor downloaded is an error that says how to get it."""
        with pytest.raises(ChatcloneError) as error:
            make_plan(mira, "nobody/nothing-7b")
        assert "nobody/nothing-7b" in error.value.hint
