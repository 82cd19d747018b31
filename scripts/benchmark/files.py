# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real package files, thousands of them in seconds: each holds a few kilobytes that do not compress."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Runner

from .fleet import APT, Document, Kind

PAYLOAD = 16 << 10
_LIMIT = 600.0
_AT_ONCE = 500


@dataclass(frozen=True)
class Built:
    package: Document
    path: Path
    size: int
    sha256: str

    def row(self) -> Document:
        """As files.json has it."""
        return {**{key: self.package[key] for key in ("name", "arch", "version")}, "file": self.path.name, "size": self.size, "sha256": self.sha256}


def build(runner: Runner, kind: Kind, packages: Sequence[Document], folder: Path) -> list[Built]:
    folder.mkdir()
    if kind.manager == APT:
        for package in packages:
            _deb_path(folder, package).write_bytes(deb(package))
        return [_built(package, _deb_path(folder, package)) for package in packages]
    for index in range(0, len(packages), _AT_ONCE):
        _rpms(runner, packages[index:index + _AT_ONCE], folder)
    return [_built(package, _rpm_path(folder, package)) for package in packages]


def _built(package: Document, path: Path) -> Built:
    content = path.read_bytes()
    return Built(package, path, len(content), hashlib.sha256(content).hexdigest())


def payload(package: Document) -> bytes:
    return random.Random("%(name)s %(version)s" % package).randbytes(PAYLOAD)


def deb(package: Document) -> bytes:
    """A package in the format deb(5). Pure."""
    control = "".join("%s: %s\n" % field for field in (
        ("Package", package["name"]), ("Version", package["version"]), ("Architecture", package["arch"]), ("Maintainer", "Nobody <nobody@patchtrain.invalid>"),
        ("Installed-Size", PAYLOAD >> 10), ("Section", "libs"), ("Priority", "optional"), ("Description", "library of a benchmark\n It does nothing.")))
    parts = (("debian-binary", b"2.0\n"), ("control.tar.gz", _tar("control", control.encode())),
             ("data.tar.gz", _tar("usr/share/%s" % package["name"], payload(package))))
    return b"!<arch>\n" + b"".join(_member(name, content) for name, content in parts)


def _member(name: str, content: bytes) -> bytes:
    return b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(content)) + content + b"\n" * (len(content) % 2)


def _tar(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.GNU_FORMAT, compresslevel=1) as tar:
        info = tarfile.TarInfo("./" + name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _deb_path(folder: Path, package: Document) -> Path:
    return folder / ("%s_%s_%s.deb" % (package["name"], package["version"].rpartition(":")[2], package["arch"]))


def _rpm_path(folder: Path, package: Document) -> Path:
    return folder / ("%s-%s.%s.rpm" % (package["name"], package["version"].rpartition(":")[2], package["arch"]))


def _rpms(runner: Runner, packages: Sequence[Document], folder: Path) -> None:
    """One call makes many, as parts of one source."""
    source = folder / "source"
    source.mkdir()
    for package in packages:
        (source / package["name"]).write_bytes(payload(package))
    (source / "bench.spec").write_text(spec(packages))
    macros = {"_topdir": source, "_sourcedir": source, "_rpmdir": folder, "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
              "_dbpath": source / "db", "_binary_payload": "w1.gzdio", "_build_id_links": "none", "__os_install_post": "%{nil}"}
    defines = [word for name, value in macros.items() for word in ("--define", "%s %s" % (name, value))]
    runner.run(["rpmbuild", "-bb", "--quiet", "--nodeps", *defines, str(source / "bench.spec")], limit=_LIMIT).check()
    runner.run(["rm", "-r", str(source)]).check()


def spec(packages: Iterable[Document]) -> str:
    """Pure."""
    parts = list(packages)
    lines = ["Name: bench", "Version: 1", "Release: 1", "Summary: bench", "License: MIT", "BuildArch: noarch", "AutoReqProv: no", "%description", "bench"]
    for package in parts:
        epoch, _colon, rest = package["version"].rpartition(":")
        number, _dash, release = rest.rpartition("-")
        lines += ["%%package -n %s" % package["name"], "Epoch: %s" % epoch if epoch else "", "Version: %s" % number, "Release: %s" % release,
                  "Summary: library of a benchmark", "AutoReqProv: no", "%%description -n %s" % package["name"], "It does nothing."]
    lines += ["%install", "mkdir -p %{buildroot}/usr/share/bench", "cp %{_sourcedir}/lib-* %{buildroot}/usr/share/bench"]
    for package in parts:
        lines += ["%%files -n %s" % package["name"], "/usr/share/bench/%s" % package["name"]]
    return "\n".join(lines) + "\n"
