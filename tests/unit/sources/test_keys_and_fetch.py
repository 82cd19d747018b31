# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import socket
import threading
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import ManifestWrong, digest_of
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources import fetch, keys

from .conftest import World, data

GOOD = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


def test_the_ring_is_what_gpg_exports() -> None:
    ring = keys.keyring(keys.blocks([data("key-good.asc")]))
    assert hashlib.sha256(ring).hexdigest() == data("key-good.gpg.sha256").strip()


def test_several_keys_in_one_text_are_several() -> None:
    good, bad = data("key-good.asc"), data("key-bad.asc")
    assert keys.blocks([good + "text between\n" + bad, good]) == keys.blocks([good, bad])
    assert len(keys.blocks([good, bad])) == 2


@pytest.mark.parametrize(("given", "said"), [([], "no key"), (["ssh-rsa AAAA"], "armoured"),
                                             ([data("key-good.asc").replace("m", "*")], "damaged")])
def test_what_is_no_key_is_named(given: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        keys.keyring(keys.blocks(given))


@pytest.mark.parametrize(("transcript", "rc", "said"), [
    ("gpgv-other-key.txt", 2, "another key"), ("gpgv-expired.txt", 0, "expired"), ("gpgv-changed.txt", 1, "was changed"),
    ("gpgv-nothing.txt", 2, "it is none")])
def test_a_signature_that_does_not_count_is_refused_with_why(tmp_path: Path, transcript: str, rc: int, said: str) -> None:
    world = World(tmp_path)
    world.answers["gpgv"] = (rc, data(transcript), "")
    with pytest.raises(keys.SourceRefused, match=said):
        keys.verify(world, keys.blocks([data("key-good.asc")]), b"x", b"y", "the manifest")


def test_a_good_signature_counts(tmp_path: Path) -> None:
    world = World(tmp_path)
    keys.verify(world, keys.blocks([data("key-good.asc")]), b"x", b"y", "the manifest")
    assert world.ran[0][0] == "gpgv"


D = "0" * 64


@pytest.mark.parametrize("url", ["https://r.example/p/releases/" + D, "http://r.example/releases/%s/" % D, "file:///srv/releases/" + D])
def test_addresses(url: str) -> None:
    assert fetch.check_url(url, D) == url.rstrip("/")


@pytest.mark.parametrize("url", [
    "ftp://r.example/releases/" + D, "/srv/releases/" + D, "http://r.example/releases/%s?x" % D, "http://r.example/releases/" + "1" * 64,
    "http://r.example/a b/releases/" + D, "http://r.example/\n/releases/" + D, 'http://r.example/"/releases/' + D, "http://r.example/" + D])
def test_what_is_no_address_of_a_release(url: str) -> None:
    with pytest.raises(BadInput, match="^url:"):
        fetch.check_url(url, D)


def test_a_manifest_of_another_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"{}\n")
    with pytest.raises(ManifestWrong, match="was expected"):
        fetch.manifest(World(tmp_path), tmp_path.as_uri(), D, [], 5)


def test_without_gpgv_the_digest_alone_counts(tmp_path: Path) -> None:
    content = b'{"format":1}\n'
    (tmp_path / "manifest.json").write_bytes(content)
    world = World(tmp_path)
    world.tools.clear()
    assert fetch.manifest(world, tmp_path.as_uri(), digest_of(content), [], 5) == content
    world.tools.add("gpgv")
    with pytest.raises(keys.SourceRefused, match=r"manifest.json.asc can't be fetched"):
        fetch.manifest(world, tmp_path.as_uri(), digest_of(content), [], 5)


def test_a_server_that_drips_is_not_waited_for_longer_than_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def drip() -> None:
            client = server.accept()[0]
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n")
            # No read waits longer than its own limit, and the answer is complete in the end.
            for _byte in range(100):
                client.sendall(b"x")
                over.wait(0.02)
            client.close()

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(keys.SourceRefused, match="can't be fetched: it was not all there within 0.3 s"):
            fetch.fetch("http://127.0.0.1:%d/manifest.json" % server.getsockname()[1], 0.3)
        over.set()
