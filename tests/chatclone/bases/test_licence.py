"""Licences: where they are found, and what they restrict."""

from pathlib import Path

import pytest

from chatclone.bases.licence import licence_of, named


@pytest.mark.parametrize(
    ("card", "name"),
    [
        ("---\nlicense: apache-2.0\nlanguage: en\n---\n# A model", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: qwen-research\nlicense_link: x\n---\n", "qwen-research"),
        ("---\nlicense: other\n---\n", "other"),
        ('---\ntags: [x]\nlicense: "gemma"\n---\n', "gemma"),
    ],
)
def test_in_the_card(tmp_path: Path, card: str, name: str) -> None:
    """The licence is read from a model card's front matter."""
    (tmp_path / "README.md").write_text(card, "utf-8")
    assert licence_of(tmp_path).name == name


def test_in_a_file(tmp_path: Path) -> None:
    """Without a card the first line of the licence file is used."""
    (tmp_path / "README.md").write_text("# A model\nlicense: not in the front matter", "utf-8")
    (tmp_path / "LICENSE").write_text("\n   LLAMA 2 COMMUNITY LICENSE AGREEMENT\nmore\n", "utf-8")
    assert licence_of(tmp_path).name == "LLAMA 2 COMMUNITY LICENSE AGREEMENT"


def test_nowhere(tmp_path: Path) -> None:
    """A missing licence is shown as not stated."""
    assert "read it" in str(licence_of(tmp_path))


@pytest.mark.parametrize(
    ("name", "restriction"),
    [
        ("gemma", "prohibited-use policy"),
        ("llama3.1", "Built with Llama"),
        ("llama2", "acceptable-use policy"),
        ("qwen-research", "not for commercial use"),
        ("cc-by-nc-4.0", "not for commercial use"),
        ("openrail", "use restrictions"),
        ("apache-2.0", ""),
        ("mit", ""),
    ],
)
def test_restrictions(name: str, restriction: str) -> None:
    """A licence that restricts use has a sentence about it, a free one has none."""
    licence = named(name)
    assert restriction in licence.restriction
    assert bool(licence.restriction) == bool(restriction)
