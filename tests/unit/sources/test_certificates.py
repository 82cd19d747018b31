# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ssl

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources import certificates, switch
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.drift import strays
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.switch import Aim, attach, detach

from .conftest import Host, data

CA = data("ca-one.pem")
HASH = "739a7602"
"""What ``openssl x509 -subject_hash`` says of it."""


def test_what_is_no_certificate_is_refused() -> None:
    for text in ("nonsense", CA.replace("MII", "!!!"), "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----"):
        with pytest.raises(BadInput, match="no certificate in PEM"):
            certificates.authorities(text)
    with pytest.raises(BadInput, match="private key"):
        certificates.authorities(CA + "-----BEGIN PRIVATE KEY-----\n")


def test_certificates_alone_are_kept_each_once() -> None:
    assert certificates.authorities("# ours\n" + CA + "\nCN=one\n" + CA.replace("\n", "\r\n")) == CA
    assert certificates.authorities(" \n") == ""


def test_what_is_said_of_a_server_that_is_not_trusted() -> None:
    unknown, expired = ssl.SSLCertVerificationError(1, "failed"), ssl.SSLCertVerificationError(1, "failed")
    unknown.verify_code, unknown.verify_message = 20, "unable to get local issuer certificate"
    expired.verify_code, expired.verify_message = 10, "certificate has expired"
    assert certificates.refusal(unknown).startswith("its certificate does not count: unable to get local issuer certificate; patch_release_ca has to be")
    assert certificates.refusal(expired) == "its certificate does not count: certificate has expired"


def attached(host: Host, monkeypatch: pytest.MonkeyPatch, scheme: str = "https") -> None:
    found = host.publish()
    folder = host.published / "releases" / found

    def fetch(url: str, limit: float, ca: str = "") -> bytes:
        assert ca == (CA if scheme == "https" else "")
        return (folder / url.partition(found + "/")[2]).read_bytes()

    for module in ("fetch", "zypper"):
        monkeypatch.setattr("%s.%s.fetch" % (switch.__name__.rpartition(".")[0], module), fetch)
    host.world.answers["openssl"] = (0, HASH + "\n", "")
    attach(host.place(), Aim("%s://r.example:8443/releases/%s" % (scheme, found), found, [data("key-good.asc")], ca=CA), 10)


def test_the_release_alone_is_trusted_by_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host.world.files()
    attached(host, monkeypatch)
    files = {name: text.decode(errors="replace") for name, text in host.world.files().items()}
    name, said = {
        "apt": ("etc/apt/apt.conf.d/zz-patchtrain", 'Acquire::https::r.example::CAInfo "/etc/patchtrain/ca/release.pem";\n'),
        "dnf": ("etc/patchtrain/yum.repos.d/patchtrain-release.repo", "sslverify=1\nsslcacert=/etc/patchtrain/ca/release.pem\n"),
        "zypper": ("etc/patchtrain/zypp/repos.d/patchtrain-release.repo", "?ssl_capath=/etc/patchtrain/ca\n")}[host.manager.name]
    assert said in files[name]
    assert {text for path, text in files.items() if path.startswith("etc/patchtrain/ca/")} == {CA}
    assert strays(host.world, host.manager.name, switch.host.attached(host.world)) == []
    detach(host.place(), 10)
    assert host.world.files() == before and not (host.world.root / "etc/patchtrain").exists()


def test_over_http_nobody_is_asked_for_a_certificate(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    attached(host, monkeypatch, "http")
    assert not [path for path, text in host.world.files().items() if "/ca/" in path or b"/ca" in text]


def test_the_files_in_a_folder_are_named_as_openssl_looks_for_them(host: Host) -> None:
    host.world.answers["openssl"] = (0, HASH + "\n", "")
    two = CA.replace("-----END", "AA==\n-----END")
    assert list(certificates.hashed(host.world, CA + two)) == [HASH + ".0", HASH + ".1"]
