"""Another distribution that installs a top-level `memory` or `importers` is noticed before anything runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatclone.cli.own_packages import PACKAGES, require_own_packages

ROOT = Path(__file__).parents[3]


def test_ours() -> None:
    """The packages of this checkout are accepted."""
    require_own_packages()


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("content", ["", 'PART_OF = "chatclone"'])
def test_shadowed(name: str, content: str, tmp_path: Path) -> None:
    """A package that is found first ends the program with two lines, a copy of ours from elsewhere too."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(content)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "chatclone", "persona", "list", "--home", str(tmp_path / "home")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error == f"error: another package named {name} is in the place of chatclone's own: {tmp_path / name}"
    assert hint.startswith("try: install chatclone in an environment of its own")
