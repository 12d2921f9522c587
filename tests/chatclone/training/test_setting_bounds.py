"""Settings: complete and valid presets, and the user's changes."""

import tomllib
from importlib import resources
from typing import Any

import pytest

from chatclone.errors import ChatcloneError
from chatclone.training.setting_bounds import (
    AUTO,
    OTHER_NAMES,
    TYPES,
    TrainConfig,
    nearest,
    override,
    parse,
    preset,
    preset_names,
    preset_summary,
)

SEEDS: dict[str, dict[str, Any]] = {
    "telegram-qwen": {
        "targets": "attention", "learning_rate": 1e-4, "epochs": 5, "replies_per_step": 16, "evaluate_every": 50,
        "patience": 3, "threshold": 0.01, "quantisation": "4-bit",
    },
    "oh-lora": {"rank": 64, "epochs": 60},
    "qa-llama3": {"quantisation": "4-bit"},
    "uzbek-mistral": {
        "quantisation": "8-bit", "replies_per_step": 32, "epochs": 3, "learning_rate": 2e-4, "max_length": 1024,
    },
    "mongolian-llama2": {
        "quantisation": "4-bit", "rank": 16, "alpha": 16, "targets": "all-linear", "max_length": 2048,
        "replies_per_step": 8, "warmup": 5, "epochs": 6, "learning_rate": 2e-4, "optimizer": "adamw_8bit",
        "weight_decay": 0.01, "schedule": "linear", "evaluate_every": 100,
    },
    "light": {"rank": 8, "epochs": 1, "learning_rate": 1e-4},
    "strong": {"rank": 32, "alpha": 64, "epochs": 4},
    "persona": {"rank": 16, "alpha": 32, "dropout": "auto", "clip": 0.3, "weight_decay": 0.01, "memory_share": 0.4},
}  # fmt: skip
"""The settings of the systems that presets reproduce, and the recommended defaults."""


class TestPresets:
    """The TOML files of the package."""

    @pytest.mark.parametrize("name", preset_names())
    def test_complete(self, name: str) -> None:
        """With what it takes from the default, a preset has a valid value and a reason for each setting."""
        config, reasons = preset(name)
        assert reasons.keys() == TYPES.keys()
        for key in TYPES:
            assert parse(key, str(getattr(config, key)), config) == getattr(config, key)
            assert len(reasons[key].split()) >= 2
        assert len(preset_summary(name)) > 20

    @pytest.mark.parametrize("name", preset_names())
    def test_files_say_nothing_unknown(self, name: str) -> None:
        """A file has only known settings, each with a value and a reason."""
        text = (resources.files("chatclone.training") / "presets" / f"{name}.toml").read_text("utf-8")
        table = tomllib.loads(text)
        assert table.keys() <= TYPES.keys()
        assert all(entry.keys() == {"value", "reason"} for entry in table.values())

    @pytest.mark.parametrize("name", SEEDS)
    def test_seeds(self, name: str) -> None:
        """Each reproduced system is a preset with its own numbers."""
        config, _ = preset(name)
        assert {key: getattr(config, key) for key in SEEDS[name]} == SEEDS[name]

    def test_unknown(self) -> None:
        """The error for an unknown preset lists the presets."""
        with pytest.raises(ChatcloneError) as error:
            preset("strongest")
        assert error.value.hint.startswith("did you mean strong? presets are demo, ")
        assert error.value.exit_code == 1


class TestOverride:
    """What the user changes."""

    def changed(self, **changes: str) -> tuple[TrainConfig, dict[str, str]]:
        return override(*preset("persona"), changes)

    def test_types(self) -> None:
        """Values are converted to the setting's type; settings that can be decided accept `auto`."""
        config, reasons = self.changed(rank="8", learning_rate="1e-5", packing="off", max_length="auto", dora="TRUE")
        assert [getattr(config, k) for k in ("rank", "learning_rate", "packing", "max_length", "dora")] == [
            8, 1e-5, False, AUTO, True,
        ]  # fmt: skip
        assert reasons["rank"] == "set by you"

    def test_costs(self) -> None:
        """The reason of an option that is on says what it costs."""
        _, reasons = self.changed(dora="true", rslora="true", neftune="5")
        assert "--kind merged" in reasons["dora"]
        assert "alpha" in reasons["rslora"]
        assert "longer than the person" in reasons["neftune"]
        assert "merged" not in self.changed(dora="false")[1]["dora"]

    @pytest.mark.parametrize(
        ("key", "text", "what"),
        [
            ("rank", "many", "must be a whole number"),
            ("rank", "0", "from 1 to 512"),
            ("learning_rate", "-1e-4", "must be a number above 0"),
            ("learning_rate", "nan", "must be a number"),
            ("learning_rate", "", "must be a number"),
            ("dropout", "1", "from 0 to 0.9, or auto"),
            ("quantisation", "2-bit", "one of 4-bit, 8-bit, auto, none"),
            ("packing", "maybe", "true or false"),
            ("rank", "auto", "must be a whole number"),
            ("lora_plus", "0.5", "slow B down"),
        ],
    )
    def test_wrong_values(self, key: str, text: str, what: str) -> None:
        """The error for an invalid value says what is valid, with a valid example."""
        with pytest.raises(ChatcloneError, match=what) as error:
            self.changed(**{key: text})
        example = error.value.hint.partition(f"--set {key}=")[2].partition(",")[0]
        assert parse(key, example, preset("persona")[0]) is not None

    def test_unknown_key_names_the_nearest(self) -> None:
        """A misspelt setting is answered with a suggestion, any other with the list of settings."""
        with pytest.raises(ChatcloneError) as error:
            self.changed(lerning_rate="1e-4")
        assert error.value.hint == "did you mean learning_rate?"
        with pytest.raises(ChatcloneError) as error:
            self.changed(xyzzy="1")
        assert "replies_per_step" in error.value.hint

    @pytest.mark.parametrize("name", OTHER_NAMES)
    def test_names_of_other_tools(self, name: str) -> None:
        """Names of PEFT and TRL lead to the setting's name here."""
        assert name not in TYPES and nearest(name) in TYPES

    def test_all_mistakes_at_once(self) -> None:
        """Three mistakes are reported in one error."""
        with pytest.raises(ChatcloneError) as error:
            self.changed(rnak="3", epochs="0", dropout="x")
        assert [part in error.value.message for part in ("rnak", "epochs", "dropout")] == [True] * 3
        assert "did you mean rank?" in error.value.hint
