# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""zypper's sources: ``reposdir`` and ``servicesdir`` in libzypp's configuration move it to folders of ours. Services of plugins are found
elsewhere and can't be moved; a file of the service's name in our folder turns it off."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..packages.rpm.load import found
from ..packages.zypper.tool import CACHE, checked
from ..runner import Runner
from . import repofile
from .dnf import gpgkey, repo_files
from .certificates import hashed
from .entries import PRIVATE, RELEASE_ID, Entry, Spec, trusting
from .fetch import fetch, signed
from .kind import Document, Store, Texts, names
from .kind import texts as read_texts

PARTS = PRIVATE + "/zypp/repos.d"
SERVICES = PRIVATE + "/zypp/services.d"
PLUGINS = "/usr/lib/zypp/plugins/services"

CONFIG = "/etc/zypp/zypp.conf"
VENDOR_CONFIG = "/usr/etc/zypp/zypp.conf"
DROP_IN = "/etc/zypp/zypp.conf.d/zz-patchtrain.conf"

_OPTIONS = {"reposdir": PARTS, "servicesdir": SERVICES}
_DEFAULTS = {"reposdir": "/etc/zypp/repos.d", "servicesdir": "/etc/zypp/services.d"}


class ZypperSources:
    """See ``Kind`` for what each method promises."""

    name = "zypper"
    parts = PARTS
    private: Sequence[str] = (PARTS, SERVICES)

    def remember(self, runner: Runner) -> Store:
        return {}

    def originals(self, runner: Runner, store: Store) -> List[Entry]:
        return _entries(runner, _setting(_without_ours(_configs(runner)), "reposdir"))

    def visible(self, runner: Runner) -> List[Entry]:
        configs = _configs(runner)
        return _entries(runner, _setting(configs, "reposdir")) + _services(runner, _setting(configs, "servicesdir"))

    def parts_files(self, spec: Spec, private: str) -> Texts:
        checks = ["gpgcheck=%d" % spec.package_gpgcheck, "repo_gpgcheck=1", "pkg_gpgcheck=%d" % spec.package_gpgcheck]
        return repo_files(spec, trusting(spec.uri, private) if spec.ca else spec.uri, ["type=rpm-md", "autorefresh=1"] + checks + [gpgkey(spec, private)])

    def ca_files(self, runner: Runner, spec: Spec) -> Texts:
        """libzypp knows folders alone, and finds certificates in them by their hash."""
        return hashed(runner, spec.ca)

    def settings(self, runner: Runner, spec: Spec, passthrough: Sequence[str]) -> Dict[str, Optional[str]]:
        path = _own_config(runner)
        masks = {"%s/%s.service" % (SERVICES, name): _mask(name) for name in names(runner, PLUGINS)}
        return dict(masks, **{path: repofile.changed(runner.read(path) or "", _OPTIONS)})

    def unset(self, runner: Runner) -> Dict[str, Optional[str]]:
        own = {CONFIG: runner.read(CONFIG), DROP_IN: runner.read(DROP_IN)}
        return {path: repofile.restored(text) or None for path, text in own.items() if text is not None and repofile.is_changed(text)}

    def trial(self, runner: Runner, folder: str, spec: Spec, limit: float) -> None:
        """zypper would also take a key that the repository itself offers, or any that the host trusts; ours are looked at here."""
        index = spec.uri + "/repodata/repomd.xml"
        signed(runner, index, fetch(index, limit, spec.ca), spec.keys, limit, spec.ca)
        places = ["--reposd-dir", folder + "/parts", "--cache-dir", folder + "/cache", "--no-gpg-checks"]
        checked(runner.run(["zypper", "--xmlout", "--non-interactive"] + places + ["refresh"], limit=limit))

    def cached(self, runner: Runner, document: Document) -> List[str]:
        return found(runner, CACHE, ["-mindepth", "2", "-maxdepth", "2", "-name", RELEASE_ID])

    def trusted(self, runner: Runner) -> List[str]:
        # rc 1 where there is none.
        lines = runner.run(["rpm", "-q", "gpg-pubkey"]).check((0, 1)).stdout.split()
        return [line for line in lines if line.startswith("gpg-pubkey-")]

    def accept(self, runner: Runner, keys: Sequence[str]) -> None:
        """zypper asks for keys that rpm does not know, and nobody is there to answer."""
        for path in keys:
            runner.run(["rpmkeys", "--import", path]).check()

    def reject(self, runner: Runner, names: Sequence[str]) -> None:
        there = [name for name in self.trusted(runner) if name in names]
        if there:
            runner.run(["rpm", "--erase", "--allmatches", "--"] + there).check()


def _own_config(runner: Runner) -> str:
    """A file of the administrator's takes the place of the vendor's as a whole, so that none is made where there is only the latter."""
    return DROP_IN if runner.read(CONFIG) is None and runner.read(VENDOR_CONFIG) is not None else CONFIG


def _configs(runner: Runner) -> List[Tuple[str, str]]:
    """What libzypp reads, the last word last."""
    main = runner.read(CONFIG)
    found = [(CONFIG, main if main is not None else runner.read(VENDOR_CONFIG) or "")]
    for folder in ("/usr/etc/zypp/zypp.conf.d", "/etc/zypp/zypp.conf.d"):
        found += read_texts(runner, folder, (".conf",))
    return found


def _without_ours(configs: Sequence[Tuple[str, str]]) -> List[Tuple[str, str]]:
    return [(path, repofile.restored(text)) for path, text in configs]


def _setting(configs: Sequence[Tuple[str, str]], name: str) -> str:
    values = [value for value in (repofile.option(text, name) for _path, text in configs) if value]
    return values[-1] if values else _DEFAULTS[name]


def _entries(runner: Runner, folder: str) -> List[Entry]:
    return [entry for path, text in read_texts(runner, folder, (".repo",)) for entry in repofile.parse(text, path)]


def _services(runner: Runner, folder: str) -> List[Entry]:
    """Services that would write sources the next time zypper runs."""
    files = read_texts(runner, folder, (".service",))
    found = [entry for path, text in files for entry in repofile.parse(text, path)]
    named = {section.name for _path, text in files for section in repofile.sections(text)}
    for name in names(runner, PLUGINS):
        if name not in named:
            path = "%s/%s" % (PLUGINS, name)
            found.append(Entry(name, "file:" + path, path, "", "", path))
    return found


def _mask(name: str) -> str:
    options: Mapping[str, str] = {"name": name, "enabled": "0", "autorefresh": "0", "url": "file://%s/%s" % (PLUGINS, name), "type": "plugin"}
    return "[%s]\n" % name + "".join("%s=%s\n" % item for item in options.items())
