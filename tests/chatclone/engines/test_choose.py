"""The choice of an engine for a persona, with its reason and its errors."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatclone.engines import choose
from chatclone.engines.choose import base_label, open_engine, resolve_base
from chatclone.errors import ChatcloneError, MissingExtra
from chatclone.gguf import export_record
from chatclone.gguf.load_progress import LoadingCancelled
from chatclone.personas.persona import Persona
from chatclone.storage.fingerprint import file_mark, weights_mark
from tests.chatclone.conftest import Tiny


@pytest.fixture
def persona(tiny_folders: tuple[Path, Path], tmp_path: Path) -> Persona:
    """A persona trained on the tiny base."""
    base, adapter = tiny_folders
    folder = tmp_path / "personas" / "mira"
    (folder / "runs" / "1").mkdir(parents=True)
    (folder / "runs" / "1" / "adapter").symlink_to(adapter)
    return Persona(folder, "Mira", base=str(base)).update(adapter="runs/1/adapter")


def _record(persona: Persona, home: Path, model: Path, lora: Path | None) -> None:
    assert persona.adapter_folder is not None
    persona.models_folder.mkdir()
    weights = export_record.adapter_sha256(persona.adapter_folder)
    entry = export_record.ExportRecord(
        kind="adapter",
        quant="f16",
        base=persona.base,
        adapter=persona.adapter,
        adapter_sha256=weights,
        model=model,
        lora=lora,
        base_weights=weights_mark(Path(persona.base)),
        model_mark=file_mark(model),
    )
    export_record.record_export(persona, home, entry)


def test_light() -> None:
    """Choosing an engine, and asking for an export, import neither torch nor llama.cpp by themselves."""
    heavy = {"torch", "transformers", "peft", "llama_cpp", "numpy"}
    code = f"import sys, chatclone.engines.choose, chatclone.export.export_run; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


class TestAuto:
    """`auto`: the persona's own GGUF or transformers, with the reason."""

    def test_not_exported(self, persona: Persona, tmp_path: Path) -> None:
        """Before an export the engine is transformers."""
        engine, reason = open_engine(persona, home=tmp_path)
        assert (engine.name, engine.model) == ("transformers", "base + runs/1/adapter")
        assert "has not been exported" in reason
        engine.close()

    def test_exported(self, persona: Persona, tmp_path: Path, tiny: Tiny) -> None:
        """After an export the engine is llama.cpp."""
        _record(persona, tmp_path, tiny.gguf, tiny.lora)
        engine, reason = open_engine(persona, home=tmp_path)
        assert engine.name == "gguf"
        assert "exported as adapter f16" in reason
        engine.close()

    def test_its_base_was_replaced(self, persona: Persona, tmp_path: Path, tiny: Tiny) -> None:
        """A base GGUF with other weights under the same name is refused, with `auto` and with `gguf`."""
        model = Path(shutil.copy(tiny.gguf, tmp_path))
        _record(persona, tmp_path, model, tiny.lora)
        shutil.copy(tiny.gguf.with_name("odd-end-f16.gguf"), model)
        for kind in ("auto", "gguf"):
            with pytest.raises(ChatcloneError, match="its weights differ") as caught:
                open_engine(persona, kind, home=tmp_path)
            assert caught.value.hint.startswith("export again")

    def test_the_base_has_changed(self, persona: Persona, tmp_path: Path, tiny: Tiny) -> None:
        """An export keeps the base as it was; when the base has changed since, the reason says so."""
        _record(persona, tmp_path, tiny.gguf, tiny.lora)
        path = persona.models_folder / export_record.FILE
        path.write_text(path.read_text().replace(weights_mark(Path(persona.base)), "0123456789abcdef"))
        engine, reason = open_engine(persona, home=tmp_path)
        engine.close()
        assert reason.endswith("on base as it was then (to use its new weights, train and export again)")

    def test_no_llama_cpp(self, persona: Persona, tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without llama.cpp the engine is transformers, and the reason says why."""
        _record(persona, tmp_path, tiny.gguf, tiny.lora)
        monkeypatch.setattr(choose, "installed", lambda package: package != "llama_cpp")
        engine, reason = open_engine(persona, home=tmp_path)
        assert engine.name == "transformers"
        assert reason == "transformers: llama-cpp-python is not installed"
        engine.close()

    def test_retrained(self, persona: Persona, tmp_path: Path, tiny: Tiny) -> None:
        """An export of an older adapter is not used."""
        _record(persona, tmp_path, tiny.gguf, tiny.lora)
        newer = persona.update(adapter="runs/2/adapter")
        (newer.folder / "runs" / "2").symlink_to(newer.folder / "runs" / "1")
        engine, _ = open_engine(newer, home=tmp_path)
        assert engine.name == "transformers"
        engine.close()


class TestLoading:
    """Progress of loading a model."""

    def test_both(self, persona: Persona, tmp_path: Path, tiny: Tiny) -> None:
        """Both engines report progress, and loading can be cancelled in both."""
        for model in (None, tiny.gguf):
            shares: list[float] = []

            def loading(share: float, shares: list[float] = shares) -> bool:
                shares.append(share)
                return True

            open_engine(persona, model=model, home=tmp_path, loading=loading)[0].close()
            assert (shares[0], shares[-1]) == (0.0, 1.0)
            with pytest.raises(LoadingCancelled):
                open_engine(persona, model=model, home=tmp_path, loading=lambda share: False)


class TestAsked:
    """An engine that was asked for, or an error."""

    def test_gguf_before_an_export(self, persona: Persona, tmp_path: Path) -> None:
        """Without an export the hint is to make one."""
        with pytest.raises(ChatcloneError, match="no GGUF of the current adapter") as caught:
            open_engine(persona, "gguf", home=tmp_path)
        assert caught.value.hint == "chatclone export"

    def test_a_model_file(self, persona: Persona, tmp_path: Path, tiny: Tiny) -> None:
        """Any GGUF file can be used."""
        engine, reason = open_engine(persona, model=tiny.gguf, home=tmp_path)
        assert (engine.model, reason) == (tiny.gguf.name, f"{tiny.gguf.name}, as asked")
        engine.close()

    def test_a_model_file_for_transformers(self, persona: Persona, tmp_path: Path) -> None:
        """A contradiction is refused."""
        with pytest.raises(ChatcloneError, match="transformers does not run"):
            open_engine(persona, "transformers", model=Path("x.gguf"), home=tmp_path)

    @pytest.mark.parametrize(("kind", "extra"), [("transformers", "train"), ("gguf", "gguf")])
    def test_missing_packages(
        self,
        persona: Persona,
        tmp_path: Path,
        tiny: Tiny,
        monkeypatch: pytest.MonkeyPatch,
        kind: choose.EngineKind,
        extra: str,
    ) -> None:
        """A missing package is reported with its extra."""
        _record(persona, tmp_path, tiny.gguf, tiny.lora)
        monkeypatch.setattr(choose, "installed", lambda package: False)
        with pytest.raises(MissingExtra) as caught:
            open_engine(persona, kind, home=tmp_path)
        assert f"chatclone[{extra}]" in caught.value.hint


class TestResolveBase:
    """Finding a base model without the network."""

    def test_folder(self, tiny_folders: tuple[Path, Path]) -> None:
        """A folder with a model is returned unchanged."""
        assert resolve_base(str(tiny_folders[0])) == tiny_folders[0]

    def test_incomplete_folder(self, tmp_path: Path) -> None:
        """A folder without weights is an error."""
        with pytest.raises(ChatcloneError, match="is incomplete"):
            resolve_base(str(tmp_path))

    @pytest.mark.parametrize("base", ["somebody/not-downloaded", "no such name!"])
    def test_not_here(self, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A hub model that was never downloaded, or a mistyped path, is an error that says how to get one."""
        with pytest.raises(ChatcloneError, match="is not on this machine") as caught:
            resolve_base(base)
        assert "hf download" in caught.value.hint

    def test_label(self) -> None:
        """The label of a base is the last part of its name."""
        assert [base_label(b) for b in ("starter", "Qwen/Qwen2.5-0.5B", "/models/mine/")] == [
            "starter",
            "Qwen2.5-0.5B",
            "mine",
        ]
