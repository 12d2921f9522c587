"""A persona's folder: written, read back, named and deleted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatclone import config
from chatclone.cli.main import main
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.paths import ensure, personas_directory
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona


@pytest.fixture
def mira(tmp_path: Path) -> Persona:
    """A saved persona with every field filled."""
    persona = Persona(
        folder=personas_directory(tmp_path) / "mira",
        name='Mira "Admiral" Halloran',
        ids={"telegram": "user1"},
        languages=("en",),
        adapter="runs/2026-11-21-1/adapter",
        about=("tunes pianos", "has a cat called Admiral Pickles"),
        partners=("Theo", "Mum"),
        sampling=Sampling(temperature=0.7, seed=3),
    )
    persona.save()
    return persona


class TestFile:
    """persona.toml."""

    def test_round_trip(self, mira: Persona) -> None:
        """What was saved is read back equal."""
        assert personas.load(mira.folder) == mira

    def test_unknown_key(self, mira: Persona) -> None:
        """A key that means nothing is an error that lists those that do."""
        path = mira.folder / "persona.toml"
        path.write_text('colour = "red"\n' + path.read_text("utf-8"), "utf-8")
        with pytest.raises(ChatcloneError, match="unknown keys: colour") as error:
            personas.load(mira.folder)
        assert "sampling" in error.value.hint

    def test_broken(self, mira: Persona) -> None:
        """A file that is no TOML is an error a person can act on."""
        (mira.folder / "persona.toml").write_text("name = ", "utf-8")
        with pytest.raises(ChatcloneError, match="not valid TOML"):
            personas.load(mira.folder)

    @pytest.mark.parametrize(
        "content",
        [
            b"name = ",
            b"",
            b'base = "starter"',
            b'name = ""',
            b"name = 3",
            b'name = "Mira"\npartners = "Theo"',
            b'name = "Mira"\nsampling = 1',
            b'name = "Mira"\n[sampling]\ncolour = 1',
            b'name = "Mira"\n[sampling]\ntemperature = "hot"',
            b'name = "\xff"',
        ],
    )
    def test_a_damaged_one_blocks_no_other(
        self, content: bytes, mira: Persona, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is named by `persona list` with what to do, can be deleted, and the others work."""
        folder = ensure(personas_directory(tmp_path) / "bent")
        (folder / "persona.toml").write_bytes(content)
        with pytest.raises(ChatcloneError):
            personas.load(folder)
        assert [p.slug for p in personas.list_all(tmp_path)] == ["mira"]
        assert list(personas.damaged(tmp_path)) == ["bent"]
        home = ["--home", str(tmp_path)]
        assert main(["persona", "list", *home]) == 0
        out, err = capsys.readouterr()
        assert "mira" in out and "bent" not in out
        assert err.startswith("bent cannot be read: ") and "chatclone persona delete bent" in err
        assert main(["persona", "use", "mira", *home]) == 0
        assert main(["persona", "delete", "bent", "--yes", *home]) == 0
        assert not folder.exists()


class TestUpdate:
    """Changing single fields of what lies on disk."""

    def test_what_others_changed_stays(self, mira: Persona) -> None:
        """A copy that was loaded before a forgetting does not bring the forgotten person back."""
        stale = personas.load(mira.folder)
        mira.update(partners=("Mum",))
        assert stale.update(adapter="runs/2/adapter").partners == ("Mum",)
        assert personas.load(mira.folder).adapter == "runs/2/adapter"

    def test_a_new_persona(self, tmp_path: Path) -> None:
        """Where there is no file yet, the copy at hand is written."""
        made = Persona(tmp_path / "new", name="").update(name="Ann")
        assert personas.load(tmp_path / "new") == made

    def test_at_the_same_time(self, mira: Persona) -> None:
        """Many writers lose none of their changes."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: mira.update(ids={f"p{n}": "x"}) and mira.update(base=f"b{n}"), range(20)))
        found = personas.load(mira.folder)
        assert found.name == mira.name and len(found.ids) == 1 and found.base.startswith("b")


class TestSystemPrompt:
    """The system turn."""

    def test_facts(self, mira: Persona) -> None:
        """It names both sides and lists the facts."""
        assert mira.system_prompt("Theo") == (
            'You are Mira "Admiral" Halloran, chatting with Theo. Write the way Mira "Admiral" Halloran writes.\n'
            'About Mira "Admiral" Halloran:\n- tunes pianos\n- has a cat called Admiral Pickles'
        )

    def test_unknown_partner(self, tmp_path: Path) -> None:
        """A partner without a name is a friend."""
        assert "chatting with a friend." in Persona(tmp_path, "Mira").system_prompt("")


class TestNames:
    """Folder names."""

    @pytest.mark.parametrize(
        ("name", "slug"), [("Mira Halloran", "mira"), ("Мира", "мира"), ("미라", "미라"), ("🐌", "persona")]
    )
    def test_any_alphabet(self, name: str, slug: str) -> None:
        """A name in any alphabet gives a folder name."""
        assert personas.slug_of(name) == slug

    def test_taken(self) -> None:
        """A name that is taken gets a number."""
        assert personas.slug_of("Mira", ["mira", "mira-2"]) == "mira-3"

    def test_find(self, mira: Persona, tmp_path: Path) -> None:
        """A persona is found by its folder's name, and a wrong name is told the right ones."""
        assert personas.find(tmp_path, "mira") == mira
        with pytest.raises(ChatcloneError) as error:
            personas.find(tmp_path, "myra")
        assert "mira" in error.value.hint

    def test_a_path_is_no_name(self, mira: Persona, tmp_path: Path) -> None:
        """A name cannot lead out of the folder of personas."""
        with pytest.raises(ChatcloneError):
            personas.find(tmp_path, "../personas/mira")

    def test_delete(self, mira: Persona, tmp_path: Path) -> None:
        """A deleted persona is gone with its folder."""
        personas.delete(mira.folder)
        assert personas.list_all(tmp_path) == []
        assert not mira.folder.exists()


class TestConfig:
    """config.toml."""

    def test_current(self, tmp_path: Path) -> None:
        """The current persona is remembered."""
        config.set_current(tmp_path, "mira")
        assert config.load(tmp_path).current == "mira"

    def test_defaults(self, tmp_path: Path) -> None:
        """Without a file there are defaults."""
        assert config.load(tmp_path) == config.Config()

    def test_all_problems_at_once(self, tmp_path: Path) -> None:
        """Every mistake is named, not the first only."""
        config.config_file(tmp_path).write_text("colour = 1\ncurrent = 2\n", "utf-8")
        with pytest.raises(ChatcloneError) as error:
            config.load(tmp_path)
        assert "unknown setting colour" in error.value.message
        assert "current must be a str" in error.value.message
