# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bootstrap says in one line what is missing, ends with 2, and leaves nothing half-built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCK = "idna==3.20\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the script and a lock, on a machine whose tools are those of ``bin``."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "bootstrap", tmp_path / "scripts")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.txt").write_text(LOCK)
    (tmp_path / "requirements" / "debian.txt").write_text("# why\n\nmmdebstrap # images\n")
    (tmp_path / "bin").mkdir()
    return tmp_path


def tool(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def bootstrap(checkout: Path, level: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'bin'}:/usr/bin:/bin"
    return subprocess.run(
        [checkout / "scripts" / "bootstrap", level], env={"PATH": path, "HOME": str(checkout), **environment},
        capture_output=True, text=True, check=False, timeout=60)


def working_python(checkout: Path, pip: str) -> None:
    """An interpreter whose venvs hold itself, and whose pip does what the script says."""
    tool(checkout, "python3", f"""
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip "*) {pip} ;;
    *) exec {sys.base_prefix}/bin/python3 "$@" ;;
esac""")


@pytest.mark.parametrize("words", ["", "all"])
def test_another_word_is_refused(checkout: Path, words: str) -> None:
    done = bootstrap(checkout, words)
    assert (done.returncode, done.stderr) == (2, "bootstrap: usage: scripts/bootstrap dev|lab\n")


def test_a_venv_is_made_once(checkout: Path) -> None:
    working_python(checkout, "echo pip")
    first = bootstrap(checkout, "dev")
    assert first.returncode == 0, first.stderr
    assert "making .venv" in first.stderr
    made = (checkout / ".venv").resolve()
    assert made.parent == checkout / ".venvs"
    tool(checkout, "python3", "exit 1")
    second = bootstrap(checkout, "dev")
    assert (second.returncode, second.stderr) == (0, "")


def test_another_lock_makes_another_venv_and_removes_the_old(checkout: Path) -> None:
    working_python(checkout, "echo pip")
    bootstrap(checkout, "dev")
    old = (checkout / ".venv").resolve()
    (checkout / "requirements" / "dev.txt").write_text("idna==3.19\n")
    assert bootstrap(checkout, "dev").returncode == 0
    assert (checkout / ".venv").resolve() != old
    assert not old.exists()


def test_a_venv_of_ones_own_gives_way(checkout: Path) -> None:
    working_python(checkout, "echo pip")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    assert bootstrap(checkout, "dev").returncode == 0
    assert (checkout / ".venv").is_symlink()
    assert len(list((checkout / ".venvs").iterdir())) == 1


@pytest.mark.parametrize(("pip", "said"), [
    ("echo 'NewConnectionError: Network is unreachable'; exit 1",
     "bootstrap: the network is missing: pip can't fetch requirements/dev.txt"),
    ("echo 'ERROR: No matching distribution found for idna==3.20'; exit 1",
     "bootstrap: pip can't install requirements/dev.txt: ERROR: No matching distribution found for idna==3.20"),
    ('[ "$3" = install ] || { echo idna requires more; exit 1; }', "bootstrap: requirements/dev.txt is not complete: idna requires more"),
])
def test_a_venv_that_can_not_be_made_leaves_nothing(checkout: Path, pip: str, said: str) -> None:
    working_python(checkout, pip)
    done = bootstrap(checkout, "dev")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(said)
    assert not (checkout / ".venv").exists()
    assert not (checkout / ".venvs").exists()


def test_the_old_venv_stays_when_the_new_one_can_not_be_made(checkout: Path) -> None:
    working_python(checkout, "echo pip")
    bootstrap(checkout, "dev")
    old = (checkout / ".venv").resolve()
    (checkout / "requirements" / "dev.txt").write_text("idna==3.19\n")
    working_python(checkout, "exit 1")
    assert bootstrap(checkout, "dev").returncode == 2
    assert (checkout / ".venv").resolve() == old
    assert (old / "bin" / "python").exists()


def test_a_python_that_was_asked_for_and_is_none_is_refused(checkout: Path) -> None:
    tool(checkout, "python2.7", "exit 1")
    done = bootstrap(checkout, "dev", PYTHON=str(checkout / "bin" / "python2.7"))
    assert done.returncode == 2
    assert done.stderr == f"bootstrap: PYTHON={checkout}/bin/python2.7 is not Python 3.11, 3.12 or 3.13\n"


def test_a_python_without_ensurepip_is_named(checkout: Path) -> None:
    tool(checkout, "odd", 'case "$*" in *ensurepip*) exit 1 ;; esac; exit 0')
    done = bootstrap(checkout, "dev", PYTHON=str(checkout / "bin" / "odd"))
    assert done.returncode == 2
    assert done.stderr.endswith("can't make a venv: its venv or ensurepip module is missing\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="changes the user, which root alone may")
def test_the_lab_wants_root(checkout: Path) -> None:
    # Outside of pytest's own folders, which are root's alone.
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(checkout, place, dirs_exist_ok=True)
        os.chown(place, 65534, 65534)
        done = subprocess.run([place / "scripts" / "bootstrap", "lab"], env={"PATH": "/usr/bin:/bin"}, user=65534, group=65534,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "bootstrap: root is missing: the lab boots real hosts, so run this with sudo\n" in done.stderr
        assert not (place / ".cache").exists()


def test_debians_list_holds_what_the_lab_needs() -> None:
    from patchlab.preflight import packages_needed

    listed = {line.split("#")[0].strip() for line in (ROOT / "requirements" / "debian.txt").read_text().splitlines()}
    assert set(packages_needed()) - {"coreutils", "dpkg", "mount", "util-linux"} <= listed
