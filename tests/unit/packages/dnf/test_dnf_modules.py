# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of module streams, as libmodulemd writes them and as they lie in dnf's cache."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf import modules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.manager import Dnf
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.modules import DEFAULTS, STREAM, chosen, described, documents
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm import database
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.repomd import Located, located
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data"
TEXT = (DATA / "modulemd.txt").read_text()
"""Written by libmodulemd 2.14, of which dnf's sources' tools make use."""
REPOMD = (DATA / "repomd.txt").read_text()
STREAMS = ["lathe:1.10", "lathe:2", "plane:rhel9"]
INDEX = ('<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="modules"><checksum type="%s">%s</checksum>'
         '<location href="repodata/%s"/></data></repomd>')


def told(text: str) -> List[Tuple[str, str, str]]:
    return [(one.kind, one.module, one.stream) for one in documents(text)]


def test_of_which_stream_a_document_is_stands_in_it() -> None:
    """Not in the lines of its description that look like it."""
    assert told(TEXT) == [(DEFAULTS, "lathe", ""), (STREAM, "lathe", "1.10"), (STREAM, "lathe", "1.10"), (STREAM, "lathe", "2"),
                          (DEFAULTS, "plane", ""), (STREAM, "plane", "rhel9")]


def test_quotes_and_comments_are_none_of_a_name() -> None:
    text = "document: modulemd\ndata:\n    name: 'a'   \n    stream: 1.10 # not a number\n    summary: x\n"
    assert told(text) == [(STREAM, "a", "1.10")]
    assert told("--- \n" + text.replace("1.10 # not a number", '"el9"') + "...\n\n---\n") == [(STREAM, "a", "el9")]


def test_what_is_further_in_is_another_field() -> None:
    assert told("document: modulemd\ndata:\n  api:\n    name: b\n    stream: 1\n  name: a\n  stream: 2\nxmd:\n  name: c\n") == [(STREAM, "a", "2")]


def test_what_does_not_say_of_which_stream_it_is_is_refused() -> None:
    with pytest.raises(ParseFailed, match="does not say of which"):
        documents("---\ndocument: modulemd\nversion: 2\ndata: {name: a, stream: b}\n")


@given(st.lists(st.sampled_from(STREAMS), unique=True))
def test_the_chosen_streams_and_no_others(streams: Sequence[str]) -> None:
    text = chosen(documents(TEXT) + documents(TEXT), streams)
    wanted = [one for one in told(TEXT) if (one[0] == STREAM and "%s:%s" % one[1:] in streams)
              or (one[0] == DEFAULTS and one[1] in {stream.split(":")[0] for stream in streams})]
    assert told(text) == wanted
    assert all(body in TEXT for body in text.split("---\ndocument")[1:])


def test_where_the_file_is_stands_in_the_index() -> None:
    name = "cf812470fa0c061413836eecc65e4b3b1124d9a77c60d0705ceb0d71bc83e553"
    assert located(REPOMD, "modules") == Located("repodata/%s-modules.yaml.gz" % name, "sha256", name)
    assert located(REPOMD, "nothing of that kind") is None and located("", "modules") is None
    with pytest.raises(ParseFailed, match="repomd.xml is not XML"):
        located(REPOMD[:200], "modules")


# ---------------------------------------------------------------- dnf's cache

def packed_by_zstd(content: bytes) -> bytes:
    if not shutil.which("zstd"):
        pytest.skip("there is no zstd here")
    return subprocess.run(["zstd", "-cq"], input=content, stdout=subprocess.PIPE, check=True).stdout


def cached(folder: Path, text: str, ending: str = ".gz", pack: Callable[[bytes], bytes] = gzip.compress, algorithm: str = "sha256") -> Path:
    content = pack(text.encode())
    name = "modules.yaml" + ending
    folder.mkdir()
    (folder / name).write_bytes(content)
    (folder / "repomd.xml").write_text(INDEX % (algorithm, hashlib.new(algorithm, content).hexdigest(), name))
    return folder / "repomd.xml"


@pytest.mark.parametrize(("ending", "pack"), [
    ("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress), (".zst", packed_by_zstd)])
def test_however_it_is_packed(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    found = described(SystemRunner(), {"app": str(cached(tmp_path / "app", TEXT, ending, pack))}, ["lathe:2", "lathe:3"])
    assert told(found.text) == [(DEFAULTS, "lathe", ""), (STREAM, "lathe", "2")]
    assert found.missing == {"lathe:3": "no source of this host describes it"}


def test_what_several_sources_say_comes_together_once(tmp_path: Path) -> None:
    bodies = [one.text for one in documents(TEXT)]
    parts = {"a": "---\n".join(bodies[:3]), "b": "---\n".join(bodies[2:])}
    indexes = {name: str(cached(tmp_path / name, text, algorithm="sha512")) for name, text in parts.items()}
    (tmp_path / "plain.xml").write_text(INDEX.replace("modules", "primary") % ("sha256", "0", "x"))
    found = described(SystemRunner(), dict(indexes, plain=str(tmp_path / "plain.xml"), gone=str(tmp_path / "none.xml")), STREAMS)
    assert sorted(told(found.text)) == sorted(told(TEXT)) and found.missing == {}


def test_a_file_that_is_not_the_index_s_is_not_believed(tmp_path: Path) -> None:
    index = cached(tmp_path / "app", TEXT)
    (tmp_path / "app/modules.yaml.gz").write_bytes(gzip.compress(TEXT.replace("1.10", "1.11").encode()))
    with pytest.raises(ParseFailed, match="is not what the index of app says"):
        described(SystemRunner(), {"app": str(index)}, STREAMS)
    (tmp_path / "app/modules.yaml.gz").unlink()
    with pytest.raises(CommandFailed, match="has not fetched the description of module streams of app"):
        described(SystemRunner(), {"app": str(index)}, STREAMS)


def test_a_file_that_can_t_be_unpacked_is_named(tmp_path: Path) -> None:
    index = cached(tmp_path / "app", TEXT, pack=lambda content: gzip.compress(content)[:50])
    with pytest.raises(ParseFailed, match="modules.yaml.gz can't be unpacked"):
        described(SystemRunner(), {"app": str(index)}, STREAMS)


def test_indexes_are_those_of_enabled_sources(scene: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    enabled = {source.id for source in Dnf(scene("look")).sources() if source.enabled and source.usable}
    cached_too = dict(Dnf(scene("look"))._indexes(), disabled="/var/cache/dnf/disabled-0123456789abcdef/repodata/repomd.xml")
    monkeypatch.setattr(Dnf, "_indexes", lambda self: cached_too)
    found: Dict[str, str] = Dnf(scene("look")).indexes()
    assert set(found) == enabled and found and all(path.endswith("/repodata/repomd.xml") for path in found.values())


def test_rpm_knows_of_which_module_a_package_is(scene: Callable[[str], Any]) -> None:
    assert database.modules(scene("labels")) == {"patchlab-modular"}
    assert modules.documents("") == []
