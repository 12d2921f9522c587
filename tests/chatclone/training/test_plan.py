"""The plan: every setting with its reason, and errors."""

import json
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Request, ingest
from chatclone.personas.persona import Persona
from chatclone.training.plan import Plan, make_plan
from chatclone.training.setting_bounds import preset_names
from tests import exports
from tests.chatclone.training.making import model_folder


@pytest.fixture
def base(tmp_path: Path) -> str:
    """A folder that looks like a base model."""
    return str(model_folder(tmp_path / "base"))


class TestSettings:
    """Decided settings."""

    @pytest.mark.parametrize("preset", preset_names())
    def test_every_value_has_a_reason(self, mira: Persona, base: str, preset: str) -> None:
        """A preset of the package gives each setting with a reason of at least two words."""
        plan = make_plan(mira, base, preset)
        assert all(len(plan.reasons[key].split()) >= 2 for key in plan.settings.__struct_fields__)

    @pytest.mark.parametrize(("billions", "rate"), [(0.01, 5e-3), (1.5, 2e-4), (7, 1e-4)])
    def test_learning_rate_by_size(self, mira: Persona, tmp_path: Path, billions: float, rate: float) -> None:
        """A small base learns at a higher rate than a large one."""
        base = model_folder(tmp_path / "base", {"w": (int(billions * 1e6), 1000)})
        assert make_plan(mira, str(base)).settings.learning_rate == rate

    @pytest.mark.parametrize(("replies", "dropout"), [(999, 0.1), (1000, 0.05)])
    def test_dropout_by_replies(self, mira: Persona, base: str, replies: int, dropout: float) -> None:
        """Little data gets more dropout."""
        path = mira.dataset_folder / "report.json"
        report = json.loads(path.read_text("utf-8"))
        report["import"]["split"]["train"] = replies
        path.write_text(json.dumps(report), "utf-8")
        assert make_plan(mira, base).settings.dropout == dropout

    def test_overrides(self, mira: Persona, base: str) -> None:
        """A setting of the user keeps its type."""
        plan = make_plan(mira, base, overrides={"rank": "8", "learning_rate": "1e-5"})
        assert (plan.settings.rank, plan.settings.learning_rate) == (8, 1e-5)
        assert plan.reasons["rank"] == "set by you"

    def test_pseudonyms_keep_memory_out(self, mira: Persona, base: str) -> None:
        """Recalled lines carry real names, so a data set with pseudonyms is trained without them."""
        path = mira.dataset_folder / "report.json"
        report = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps(report | {"options": report["options"] | {"pseudonyms": True}}), "utf-8")
        plan = make_plan(mira, base, overrides={"memory_share": "0.5"})
        assert plan.settings.memory_share == 0
        assert "pseudonyms" in plan.reasons["memory_share"]

    def test_what_it_says_of_the_base_and_the_data(self, mira: Persona, base: str) -> None:
        """The base's fingerprint and licence, the replies, the memory and the redaction are in the plan."""
        (Path(base) / "README.md").write_text("---\nlicense: gemma\n---\n", "utf-8")
        plan = make_plan(mira, base)
        assert len(plan.base_fingerprint) == 32
        assert plan.licence.startswith("gemma: ")
        split = json.loads((mira.dataset_folder / "report.json").read_text("utf-8"))["import"]["split"]
        told = f"{split['train']} replies to train on, {split['eval']} held out, later in time"
        assert split["train"] > 20 and plan.reasons["data"] == told
        assert plan.memory_file == str(mira.memory_file)
        assert plan.redact

    def test_round_trip(self, mira: Persona, base: str, tmp_path: Path) -> None:
        """The worker reads what was planned."""
        plan = make_plan(mira, base)
        plan.write(tmp_path / "plan.json")
        assert Plan.read(tmp_path / "plan.json") == plan

    @pytest.mark.parametrize(
        "changes",
        [{"version": 2}, {"unknown": 1}, {"settings": {"rank": 8}}, {"settings": {"rank": "many"}}, {"run": None}],
    )
    def test_another_version(self, mira: Persona, base: str, tmp_path: Path, changes: dict[str, object]) -> None:
        """A plan of another version, or with unknown, missing or wrong keys, is an error that says what to do."""
        path = tmp_path / "plan.json"
        make_plan(mira, base).write(path)
        document = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**document, **changes}), "utf-8")
        with pytest.raises(ChatcloneError, match=r"plan\.json cannot be used") as error:
            Plan.read(path)
        assert "chatclone train" in error.value.hint

    def test_runs_are_numbered(self, mira: Persona, base: str) -> None:
        """A second run of the day has the next number, and planning makes no folder."""
        first = make_plan(mira, base)
        assert not Path(first.folder).exists()
        Path(first.folder).mkdir(parents=True)
        assert make_plan(mira, base).run == first.run[:-1] + "2"


class TestWrongInput:
    """Errors."""

    @pytest.mark.parametrize(
        ("overrides", "what"),
        [
            ({"rank": "many"}, "must be a whole number"),
            ({"learning_rate": "-1"}, "above 0"),
            ({"rnak": "3"}, "no setting rnak"),
            ({"replay_file": "/no/such/file"}, "is not a file"),
        ],
    )
    def test_settings(self, mira: Persona, base: str, overrides: dict[str, str], what: str) -> None:
        """A value of the wrong type, a negative one, an unknown key, a missing file."""
        with pytest.raises(ChatcloneError, match=what):
            make_plan(mira, base, overrides=overrides)

    def test_preset(self, mira: Persona, base: str) -> None:
        """The error for an unknown preset lists the presets."""
        with pytest.raises(ChatcloneError) as error:
            make_plan(mira, base, "strongest")
        assert "persona" in error.value.hint

    def test_no_data(self, tmp_path: Path, base: str) -> None:
        """The error for a persona without a data set suggests an import."""
        with pytest.raises(ChatcloneError, match="no data set"):
            make_plan(Persona(tmp_path, "Mira"), base)

    def test_too_few_replies(self, tmp_path: Path, base: str) -> None:
        """The error for too few replies has their number."""
        done = ingest(Request([exports.small_export(tmp_path, 12)]), tmp_path / "home")
        assert done.persona is not None
        count = done.document["split"]["train"]
        with pytest.raises(ChatcloneError, match=f"only {count} replies") as error:
            make_plan(done.persona, base)
        assert "--filter none" in error.value.hint

    def test_nothing_held_out(self, mira: Persona, base: str) -> None:
        """A data set without held-out replies is refused."""
        path = mira.dataset_folder / "report.json"
        report = json.loads(path.read_text("utf-8"))
        report["import"]["split"]["eval"] = 0
        path.write_text(json.dumps(report), "utf-8")
        with pytest.raises(ChatcloneError, match="no replies are held out"):
            make_plan(mira, base)

    @pytest.mark.parametrize("text", ["{", "[]", '{"import": {"split": {"train": "many"}}}'])
    def test_damaged_report(self, mira: Persona, base: str, text: str) -> None:
        """The error for a damaged report suggests an import."""
        (mira.dataset_folder / "report.json").write_text(text, "utf-8")
        with pytest.raises(ChatcloneError, match="cannot read the report of the data set"):
            make_plan(mira, base)

    def test_half_a_data_set(self, mira: Persona, base: str) -> None:
        """The error for a missing file suggests an import."""
        (mira.dataset_folder / "eval.jsonl").unlink()
        with pytest.raises(ChatcloneError, match=r"no eval\.jsonl"):
            make_plan(mira, base)

    def test_base_that_is_not_there(self, mira: Persona) -> None:
        """A base that is neither a folder nor downloaded has an error that says how to download it."""
        with pytest.raises(ChatcloneError) as error:
            make_plan(mira, "nobody/nothing-7b")
        assert "nobody/nothing-7b" in error.value.hint
