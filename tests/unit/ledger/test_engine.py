# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a ledger: where it stands, what is refused, and what SQLite has to be told."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import engine, events, place, runs, schema
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import (
    LedgerBusy, LedgerForeign, LedgerMissing, LedgerNewer, LedgerUnavailable, LedgerUnsafe)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_default_is_the_users_state_directory(tmp_path: Path) -> None:
    assert place.default_target({"XDG_STATE_HOME": "/x"}) == "/x/patchtrain/ledger.db"
    home = os.path.expanduser("~/.local/state/patchtrain/ledger.db")
    assert place.default_target({}) == place.default_target({"XDG_STATE_HOME": "relative"}) == home
    assert place.default_target({"PATCHTRAIN_LEDGER": "postgresql://h/d", "XDG_STATE_HOME": "/x"}) == "postgresql://h/d"


def test_opened_without_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATCHTRAIN_LEDGER", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Ledger.open().name == str(tmp_path / "patchtrain" / "ledger.db")
    monkeypatch.setenv("PATCHTRAIN_LEDGER", "sqlite:///%s/other.db" % tmp_path)
    assert Ledger.open().name == str(tmp_path / "other.db")


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    path = tmp_path / "made" / "ledger.db"
    before = os.umask(0)
    try:
        with Ledger.open(str(path)).write() as c:
            events.append(c, "note")
            modes = {p.name: mode(p) for p in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert mode(path.parent) == 0o700


def test_nothing_is_left_beside(tmp_path: Path) -> None:
    Ledger.open(str(tmp_path / "ledger.db"))
    assert [p.name for p in tmp_path.iterdir()] == ["ledger.db"]


@pytest.mark.parametrize("name", ["a b#c?d%20.db", "é;$(x).db", "-x.db", "file.db?mode=memory"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    Ledger.open(str(tmp_path / name))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_sqlite_is_told_what_it_needs(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "ledger.db"))
    with ledger.read() as c:
        said = [c.exec_driver_sql("PRAGMA " + name).scalar() for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")]
    assert said == ["wal", 1, 30000, 2]


def test_a_failure_takes_the_whole_transaction_back(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "ledger.db"))
    with pytest.raises(ZeroDivisionError), ledger.write() as c:
        events.append(c, "note")
        raise ZeroDivisionError
    with ledger.read() as c:
        assert events.count(c) == 0


def test_a_lock_that_others_keep_is_a_failure_with_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_LIMIT", 0.05)
    ledger = Ledger.open(str(tmp_path / "ledger.db"))
    with ledger.write(), pytest.raises(LedgerBusy, match="was kept locked by others for 0.05 s"), ledger.write():
        pass


def test_a_newer_ledger_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(str(path))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'version'", (str(schema.VERSION + 1),))
        connection.execute("ALTER TABLE runs ADD COLUMN mood TEXT")
    connection.close()
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(LedgerNewer, match="has schema %d, .* knows %d at most: update the collection" % (schema.VERSION + 1, schema.VERSION)):
        Ledger.open(str(path))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_an_older_ledger_is_brought_up_step_by_step_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "ledger.db")
    Ledger.open(path)
    done: list[int] = []

    def fail(connection: object) -> None:
        raise ZeroDivisionError

    now = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", now + 2)
    monkeypatch.setattr(engine, "MIGRATIONS", {now: lambda c: events.append(c, "note", "one on"), now + 1: fail})
    with pytest.raises(ZeroDivisionError):
        Ledger.open(path)
    monkeypatch.setattr(engine, "MIGRATIONS", {now: lambda c: done.append(1), now + 1: lambda c: done.append(2)})
    ledger = Ledger.open(path)
    Ledger.open(path)
    with ledger.read() as c:
        assert (done, events.count(c)) == ([1, 2], 0)


@pytest.mark.parametrize("content", [b"", b"hello, I am a text file" * 100, b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_no_ledger_is_refused_and_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises((LedgerForeign, LedgerUnavailable), match="notes.txt"):
        Ledger.open(str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("statement", ["CREATE TABLE meta (x)", "CREATE TABLE meta (key, value)", "CREATE TABLE runs (id)"])
def test_somebody_elses_database_is_refused_and_not_touched(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerForeign, match="is not a ledger of fleetops.patchtrain"):
        Ledger.open(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("target", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_memory_is_no_place_for_a_ledger(target: str) -> None:
    with pytest.raises(LedgerUnsafe, match="a ledger in memory would be lost"):
        Ledger.open(target)


@pytest.mark.parametrize(("target", "error"), [
    ("postgresql+nodriver://u:hunter2@h/d", LedgerMissing), ("nodb://u:hunter2@h/d", LedgerUnavailable),
    ("mysql://u:hunter2@[h/d", LedgerUnavailable), ("postgresql://u:hunter2@h:port/d", LedgerUnavailable)])
def test_other_databases_are_named_without_their_password(target: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        Ledger.open(target)
    assert "hunter2" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match="the ledger's folder .*/file/x can't be made: Not a directory"):
        Ledger.open(str(tmp_path / "file" / "x" / "ledger.db"))
    with pytest.raises(LedgerUnavailable, match="unable to open database file"):
        Ledger.open(str(tmp_path))


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/alice ext4 rw 0 0
me@there: /mnt/my\\040share fuse.sshfs rw 0 0
//nas/x /srv/x cifs rw 0 0
/dev/sdc1 /srv/x xfs rw 0 0
garbage
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/var/lib", None), ("/home/bob/.local", "nfs4"), ("/home", "nfs4"), ("/home/alice/x", None), ("/homes", None),
    ("/mnt/my share/a", "fuse.sshfs"), ("/srv/x/y", None)])
def test_what_lies_beneath(path: str, kind: str | None) -> None:
    assert place.network_filesystem(path, MOUNTS) == kind


@pytest.mark.parametrize("kind", [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "fuse.glusterfs", "9p", "ceph", "fuse.rclone", "afs"])
def test_network_file_systems(kind: str) -> None:
    assert place.network_filesystem("/x", "a / %s rw 0 0" % kind) == kind


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "fuse.mergerfs", "fuseblk", "ecryptfs", "bcachefs"])
def test_local_file_systems(kind: str) -> None:
    assert place.network_filesystem("/x", "a / %s rw 0 0" % kind) is None


def test_a_network_file_system_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "network_filesystem", lambda path, mounts: "nfs4")
    with pytest.raises(LedgerUnsafe, match=r"network file system \(nfs4\).*PostgreSQL"):
        Ledger.open(str(tmp_path / "new" / "ledger.db"))
    assert list(tmp_path.iterdir()) == []


WITHOUT = """
import pathlib, sys, types
sys.path.insert(0, %r)
sys.modules.update(%s)
import conftest, importlib
room = "ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger"
for path in sorted(pathlib.Path(%r).glob("*.py")):
    importlib.import_module(room + ("." + path.stem if path.stem != "__init__" else ""))
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
try:
    Ledger.open()
except Exception as error:
    print(error.kind, error)
"""


OLD = """{name: types.SimpleNamespace(__name__=name, __version__="1.4.54", sqlite=None) for name in ("sqlalchemy", "sqlalchemy.dialects")}"""


@pytest.mark.parametrize("there, named", [('{"sqlalchemy": None}', "none"), (OLD, "1.4.54")])
def test_without_sqlalchemy_or_with_an_old_one_all_can_be_imported_and_opening_says_what_to_install(there: str, named: str) -> None:
    tests, room = Path(__file__).resolve().parents[2], Path(engine.__file__).parent
    ended = subprocess.run([sys.executable, "-c", WITHOUT % (str(tests), there, str(room))], capture_output=True, text=True, check=False)
    assert ended.stdout == ("LedgerMissing the ledger needs SQLAlchemy 2.0 or newer, and the controller's Python has %s: "
                            "%s -m pip install 'SQLAlchemy>=2.0'\n" % (named, sys.executable)), ended.stderr


@pytest.mark.parametrize("target", ["ledger.db", "sqlite:///ledger.db"])
def test_a_relative_path_stays_what_it_was_when_the_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = Ledger.open(target)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    with ledger.read() as c:
        assert runs.recent(c) == []
