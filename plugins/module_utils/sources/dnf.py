# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""dnf's sources: ``reposdir`` in its own configuration moves it to a folder of ours, whatever plugins write into the old one."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

from ..clock import Clock
from ..packages.dnf.tool import ALL_SOURCES, CONFIG, SETTINGS, Tool, checked
from ..packages.rpm.load import found
from ..runner import Runner
from . import repofile
from .certificates import FILE
from .entries import PRIVATE, RELEASE_ID, Entry, Spec
from .kind import Document, Store, Texts, key_paths
from .kind import texts as read_texts

PARTS = PRIVATE + "/yum.repos.d"

_FOLDERS = ("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/usr/share/dnf5/repos.d")


class DnfSources:
    """See ``Kind`` for what each method promises."""

    name = "dnf"
    parts = PARTS
    private: Sequence[str] = (PARTS,)

    def remember(self, runner: Runner) -> Store:
        return {}

    def originals(self, runner: Runner, store: Store) -> List[Entry]:
        return _entries(runner, repofile.restored(_config(runner)))

    def visible(self, runner: Runner) -> List[Entry]:
        return _entries(runner, _config(runner))

    def parts_files(self, spec: Spec, private: str) -> Texts:
        checks = ["gpgcheck=%d" % spec.package_gpgcheck, "repo_gpgcheck=1", gpgkey(spec, private)]
        trust = ["sslverify=1", "sslcacert=%s/ca/%s" % (private, FILE)] if spec.ca else []
        return repo_files(spec, spec.uri, checks + trust + ["metadata_expire=60", "skip_if_unavailable=0"])

    def ca_files(self, runner: Runner, spec: Spec) -> Texts:
        return {FILE: spec.ca} if spec.ca else {}

    def settings(self, runner: Runner, spec: Spec, passthrough: Sequence[str]) -> Dict[str, Optional[str]]:
        text = _config(runner)
        return {CONFIG: repofile.changed(text, {"reposdir": PARTS}, repofile.kept(repofile.restored(text), CONFIG, passthrough))}

    def unset(self, runner: Runner) -> Dict[str, Optional[str]]:
        text = _config(runner)
        return {CONFIG: repofile.restored(text)} if repofile.is_changed(text) else {}

    def trial(self, runner: Runner, folder: str, spec: Spec, limit: float) -> None:
        """Without plugins: some write sources."""
        places = ["--noplugins", "--setopt=reposdir=%s/parts" % folder, "--setopt=cachedir=%s/cache" % folder]
        checked(runner.run(["dnf", "-q", "-y"] + places + list(SETTINGS) + list(ALL_SOURCES) + ["makecache"], limit=limit))

    def cached(self, runner: Runner, document: Document) -> List[str]:
        return found(runner, Tool(runner, Clock()).cache(), ["-maxdepth", "1", "-name", RELEASE_ID + "*"])

    def trusted(self, runner: Runner) -> List[str]:
        """dnf has a ring of keys for each source, and takes those of its ``gpgkey``."""
        return []

    def accept(self, runner: Runner, keys: Sequence[str]) -> None:
        return None

    def reject(self, runner: Runner, names: Sequence[str]) -> None:
        return None


def repo_files(spec: Spec, uri: str, options: Sequence[str]) -> Texts:
    head = ["[%s]" % RELEASE_ID, "name=Release of this fleet (fleetops.patchtrain)", "baseurl=" + uri, "enabled=1"]
    files = {"patchtrain-release.repo": "\n".join(head + list(options)) + "\n"}
    # What is in the configuration itself stays there.
    written = [entry.whole.rstrip("\n") + "\n" for entry in spec.beside if entry.file != CONFIG]
    if written:
        files["patchtrain-passthrough.repo"] = "\n".join(written)
    return files


def gpgkey(spec: Spec, private: str) -> str:
    return "gpgkey=" + " ".join("file://" + path for path in key_paths(spec.keys, private))


def _config(runner: Runner) -> str:
    return runner.read(CONFIG) or ""


def _entries(runner: Runner, config: str) -> List[Entry]:
    folders = repofile.words(repofile.option(config, "reposdir")) or list(_FOLDERS)
    files = [(CONFIG, config)] + [file for folder in folders for file in read_texts(runner, folder, (".repo",))]
    return [entry for path, text in files for entry in repofile.parse(text, path)]
