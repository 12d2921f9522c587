"""A platform that another package brings is imported like the built-in one, with no change to any file of chatclone."""

import json
import shutil
from pathlib import Path

import pytest

from chatclone.archive.archive import Archive
from chatclone.cli.main import main
from chatclone.personas import persona as personas
from importers import registry
from importers.source import ImportFailure
from tests import exports


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution whose entry point is the source of `tests.importers.pigeon`; return its folder."""
    folder = tmp_path / "site-packages"
    info = folder / "pigeon_post-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon-post\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\npigeon = tests.importers.pigeon:PIGEON\n")
    monkeypatch.syspath_prepend(folder)
    return info


@pytest.fixture
def post(tmp_path: Path) -> Path:
    """A chat of 60 exchanges in the invented format."""
    lines = ["pigeon post of mira@loft", "with theo@loft Theo Brandt"]
    for n in range(60):
        day, hour = divmod(n, 3)
        lines.append(f"2024-05-{day + 1:02d}T0{hour}:30:00+09:00 theo@loft did you water plant number {n}?")
        lines.append(
            f"2024-05-{day + 1:02d}T0{hour}:31:00+09:00 mira@loft yes, plant {n} got {n + 2} cups this morning"
        )
    path = tmp_path / "theo.pigeon"
    path.write_text("\n".join([*lines, ""]) + "\n")
    return path


def test_whole_import(tmp_path: Path, post: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The platform is detected, its owner known, messages archived under its ids, and a second import adds nothing."""
    home = tmp_path / "home"
    command = ["import", str(post), "--home", str(home), "--json"]
    assert main(command) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["platform"], made["messages"]["read"], made["messages"]["kept"]) == ("pigeon", 121, 120)
    assert made["owner"] == {"id": "mira@loft", "name": "Mira", "how": "the first line says so"}
    [persona] = personas.list_all(home)
    assert persona.ids == {"pigeon": "mira@loft"}
    assert persona.partners == ("Theo Brandt",)
    archive = Archive(persona.archive_file)
    [(platform, chat)] = archive.chats()
    assert (platform, chat.id, len(list(archive.messages(platform, chat.id)))) == ("pigeon", "theo@loft", 120)
    archive.close()
    assert main([*command, "--from", "pigeon"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"]["new"] == 0


def test_beside_telegram(tmp_path: Path, post: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Telegram is still detected, and a persona has an id on each platform."""
    home = tmp_path / "home"
    assert main(["import", str(post), "--home", str(home)]) == 0
    telegram = exports.small_export(tmp_path)
    assert main(["import", str(telegram), "--home", str(home), "--persona", "mira"]) == 0
    [persona] = personas.list_all(home)
    assert persona.ids == {"pigeon": "mira@loft", "telegram": "user111"}
    assert "Mira Halloran (user111)" in capsys.readouterr().out


def test_zip(tmp_path: Path, post: Path) -> None:
    """The files of the platform are found in a folder and in a zip."""
    folder = tmp_path / "loft"
    folder.mkdir()
    shutil.copy(post, folder)
    packed = shutil.make_archive(str(tmp_path / "loft"), "zip", folder)
    for place in (folder, Path(packed)):
        [export] = registry.open_exports(place)
        assert len(list(export.messages())) == 120


def test_names(capsys: pytest.CaptureFixture[str]) -> None:
    """`--from` lists the platforms in its help and refuses others with the same list."""
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    assert "telegram, pigeon" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit):
        main(["import", "x", "--from", "fax"])
    assert "choose from 'telegram', 'pigeon'" in capsys.readouterr().err


def test_unrecognised(tmp_path: Path) -> None:
    """A file that no platform wrote says how to get an export of each; a named platform says its own."""
    (tmp_path / "notes.txt").write_text("milk, eggs")
    with pytest.raises(ImportFailure, match="not a chat export") as caught:
        registry.open_exports(tmp_path / "notes.txt")
    assert all(registry.source(name).how_to_export in caught.value.hint for name in registry.names())
    with pytest.raises(ImportFailure, match="holds no pigeon post"):
        registry.open_exports(tmp_path / "notes.txt", "pigeon")


@pytest.mark.parametrize("value", ["no.such.module:PIGEON", "tests.importers.pigeon:START"])
def test_faulty_package(tmp_path: Path, installed: Path, post: Path, value: str) -> None:
    """An entry point that cannot be loaded, or is no source, is named; the other platforms can still be asked for."""
    (installed / "entry_points.txt").write_text(f"[{registry.GROUP}]\npigeon = {value}\n")
    with pytest.raises(ImportFailure, match="pigeon") as caught:
        registry.open_exports(post)
    assert value in caught.value.hint
    assert registry.open_exports(exports.small_export(tmp_path), "telegram")
