# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What upstream has beyond a release, asked on another host than those that have it installed: with apt, by the sources of a golden host,
in folders of its own and against a list of packages in which the release's are installed. That host's own apt sees nothing of it."""

from __future__ import annotations

import base64
import json
import os
from typing import IO, Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ..errors import BadInput
from ..job.files import canonical
from ..packages.apt import apply, load
from ..packages.apt.manager import Apt
from ..packages.manager import PackageManager, Rules
from ..packages.records import Selection
from ..packages.snapshot import rows
from ..runner import DEFAULT_LIMIT, Completed, Runner
from ..sources.apt import AptSources
from ..sources.deb822 import signed_by
from ..sources.disk import Disk
from ..sources.drift import remembered
from .attached import ROOT

FOLDER = ROOT + "/upstream"
_ANYBODY_S = "/etc/apt/trusted.gpg.d/"
_OLD_ANYBODY_S = "/etc/apt/trusted.gpg"
_APT = ("apt-get", "apt-cache", "apt-config")

Sources = Mapping[str, Any]
"""``files`` are texts of sources by name, ``keys`` the files of keys that they name, by path and in base64."""


def told(runner: Runner, manager: PackageManager, root: str = ROOT) -> Dict[str, Any]:
    """A golden host's own sources. ``BadInput`` where they can't be used elsewhere."""
    if manager.name != "apt":
        raise BadInput("sources of %s can only be asked on the host itself" % manager.name)
    entries = AptSources().originals(runner, remembered(runner, root))
    groups = {entry.group: entry for entry in entries}
    files = {"%d.%s" % (number, "sources" if entry.file.endswith(".sources") else "list"): entry.whole
             for number, entry in enumerate(groups.values())}
    paths = sorted({path for name, text in files.items() for path in signed_by(text, name)})
    anybody_s = [_ANYBODY_S + name for name in Disk().names(_ANYBODY_S)] + [_OLD_ANYBODY_S] * bool(Disk().read(_OLD_ANYBODY_S))
    return {"files": files, "keys": {path: _key(path) for path in paths + anybody_s}, "arch": manager.arch()}


def _key(path: str) -> str:
    data = Disk().read(path)
    if data is None:
        raise BadInput("a source is signed by the keys in %s, and there is no such file" % path, path=path)
    return base64.b64encode(data).decode("ascii")


def keep(platform: str, sources: Sources, folder: str = FOLDER, check: bool = False) -> bool:
    """For later: hosts that have the release need not be asked again. Whether they differ from those that were kept before. Sources may carry
    passwords, so that only root reads them."""
    path, wanted = _kept(platform, folder), canonical(sources).encode("utf-8") + b"\n"
    changed = Disk().read(path) != wanted
    if not check:
        # The same ones, too: the file's time tells when they were told last.
        Disk().write(path, wanted, 0o600)
    return changed


def kept(platform: str, folder: str = FOLDER) -> Optional[Sources]:
    text = Disk().read(_kept(platform, folder))
    return None if text is None else json.loads(text.decode("utf-8"))


def _kept(platform: str, folder: str) -> str:
    return "%s/%s/sources.json" % (folder, platform)


def look(runner: Runner, platform: str, packages: Sequence[Mapping[str, str]], rules: Rules, limit: float, folder: str = FOLDER) -> Dict[str, Any]:
    """``packages`` as a host's that has exactly these tells them, and its pending ``updates``. ``BadInput`` where this host can't ask."""
    sources = kept(platform, folder)
    if sources is None:
        raise BadInput("the sources of %s are not kept here" % platform)
    if runner.which("apt-get") is None or load.architecture(runner) != sources["arch"]:
        raise BadInput("this host has no apt for %s" % sources["arch"])
    private = _Private(runner, "%s/%s" % (folder, platform), sources["arch"])
    private.prepare(sources, packages)
    apply.update(private, limit)
    manager = Apt(private)
    updates = [update.to_dict() for update in manager.updates(rules, Selection())]
    return {"packages": rows(manager, manager.installed(), rules), "updates": updates, "kept_at": os.stat(_kept(platform, folder)).st_mtime}


class _Private:
    """A ``Runner`` whose apt and dpkg live in ``folder``. What is said on the command line counts before all that is configured."""

    def __init__(self, runner: Runner, folder: str, arch: str) -> None:
        self._runner, self._folder, self._arch, self._archs = runner, folder, arch, [arch]

    def prepare(self, sources: Sources, packages: Sequence[Mapping[str, str]]) -> None:
        disk = Disk()
        for name in ("lists/partial", "cache/archives/partial", "state", "dpkg/info", "dpkg/updates"):
            os.makedirs("%s/%s" % (self._folder, name), exist_ok=True)
        keys = {path: "%s/keys/%d%s" % (self._folder, number, os.path.splitext(path)[1]) for number, path in enumerate(sorted(sources["keys"]))}
        wanted = {place: base64.b64decode(sources["keys"][path]) for path, place in keys.items()}
        # By the key's number, since one in either place may have the other's name.
        wanted.update({"%s/trusted/%s" % (self._folder, os.path.basename(place)): base64.b64decode(sources["keys"][path])
                       for path, place in keys.items() if path == _OLD_ANYBODY_S or path.startswith(_ANYBODY_S)})
        wanted.update({"%s/parts/%s" % (self._folder, name): _moved(text, keys).encode("utf-8") for name, text in sources["files"].items()})
        self._archs = [self._arch] + sorted({package["arch"] for package in packages} - {self._arch, "all"})
        wanted.update({self._folder + "/dpkg/status": installed(packages).encode("utf-8"),
                       self._folder + "/dpkg/arch": "".join(arch + "\n" for arch in self._archs).encode("ascii")})
        there = ["%s/%s/%s" % (self._folder, part, name) for part in ("keys", "trusted", "parts") for name in disk.names("%s/%s" % (self._folder, part))]
        disk.put(dict({path: None for path in there if path not in wanted}, **wanted))

    def run(self, argv: Sequence[str], limit: Optional[float] = DEFAULT_LIMIT, stdin: str = "",
            env: Optional[Mapping[str, str]] = None, log: Optional[IO[str]] = None) -> Completed:
        options = self._options() if argv[0] in _APT else []
        return self._runner.run([argv[0]] + options + list(argv[1:]), limit, stdin, dict(env or {}, DPKG_ADMINDIR=self._folder + "/dpkg"), log)

    def _options(self) -> List[str]:
        places = {"Etc::SourceList": "/dev/null", "Etc::SourceParts": self._folder + "/parts", "Etc::TrustedParts": self._folder + "/trusted",
                  "Etc::Trusted": "/dev/null", "State": self._folder + "/state", "State::Lists": self._folder + "/lists",
                  "State::status": self._folder + "/dpkg/status", "Cache": self._folder + "/cache", "Etc::Preferences": "/dev/null",
                  "Etc::PreferencesParts": "/dev/null"}
        named = ["Dir::%s=%s" % item for item in places.items()]
        # Its user of its own may not read what only root reads.
        named += ["APT::Sandbox::User=root", "APT::Architecture=" + self._arch, "APT::Architectures=" + ",".join(self._archs)]
        return [word for option in named for word in ("-o", option)]

    def which(self, tool: str) -> Optional[str]:
        return self._runner.which(tool)

    def read(self, path: str) -> Optional[str]:
        return self._runner.read(path)


def _moved(text: str, keys: Mapping[str, str]) -> str:
    """The longest first: one path may be another's beginning."""
    for path in sorted(keys, key=len, reverse=True):
        text = text.replace(path, keys[path])
    return text


def installed(packages: Iterable[Mapping[str, str]]) -> str:
    """dpkg's list of a host that has exactly these. Pure."""
    archs: Dict[str, List[Tuple[str, str]]] = {}
    for package in packages:
        archs.setdefault(package["name"], []).append((package["arch"], package["version"]))
    return "".join(_paragraph(name, arch, version, len(several) > 1) for name, several in sorted(archs.items()) for arch, version in several)


def _paragraph(name: str, arch: str, version: str, beside: bool) -> str:
    same = "Multi-Arch: same\n" if beside else ""
    return "Package: %s\nStatus: install ok installed\nMaintainer: none\nArchitecture: %s\n%sVersion: %s\nDescription: of the release\n\n" % (
        name, arch, same, version)
