# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""apt's sources: one drop-in of its configuration moves it to a folder of ours, and whatever is written into the old one is not read."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from ..errors import BadInput, CommandFailed
from ..packages.apt import load, parse
from ..packages.apt.apply import environment
from ..runner import Runner
from . import deb822
from .certificates import FILE
from .entries import PRIVATE, Entry, Spec, texts
from .kind import Document, Store, Texts
from .kind import texts as read_texts

PARTS = PRIVATE + "/apt/sources.list.d"
DROP_IN = "/etc/apt/apt.conf.d/zz-patchtrain"
KEYRING = "release.gpg"

_DROP_IN = ("// Set while this host is attached to a release (fleetops.patchtrain.software_source).\n"
            'Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "%s";\n')
_DEFAULTS = {"list": "/etc/apt/sources.list", "parts": "/etc/apt/sources.list.d"}
_SHELL = re.compile(r"^(\w+)='(.*)'$", re.MULTILINE)
_NETWORK = ("-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30", "-o", "Acquire::Retries=1")


class AptSources:
    """See ``Kind`` for what each method promises."""

    name = "apt"
    parts = PARTS
    private: Sequence[str] = (PARTS,)

    def remember(self, runner: Runner) -> Store:
        return {} if runner.read(DROP_IN) is not None else {"directories": _directories(runner)}

    def originals(self, runner: Runner, store: Store) -> List[Entry]:
        return _entries(runner, store.get("directories", _DEFAULTS))

    def visible(self, runner: Runner) -> List[Entry]:
        return _entries(runner, _directories(runner))

    def parts_files(self, spec: Spec, private: str) -> Texts:
        files = {"patchtrain-release.sources": deb822.paragraph(spec.uri, "%s/keys/%s" % (private, KEYRING))}
        for ending, between in ((".sources", "\n"), (".list", "")):
            written = texts(_of(spec.all_of, ending), _of(spec.beside, ending))
            if written:
                files["patchtrain-passthrough" + ending] = between.join(written)
        return files

    def ca_files(self, runner: Runner, spec: Spec) -> Texts:
        return {FILE: spec.ca} if spec.ca else {}

    def settings(self, runner: Runner, spec: Spec, passthrough: Sequence[str]) -> Dict[str, Optional[str]]:
        return {DROP_IN: _DROP_IN % PARTS + "".join('%s "%s";\n' % pair for pair in _ca(spec, PRIVATE))}

    def unset(self, runner: Runner) -> Dict[str, Optional[str]]:
        return {DROP_IN: None}

    def trial(self, runner: Runner, folder: str, spec: Spec, limit: float) -> None:
        """With lists and caches of its own; apt's own configuration counts otherwise, proxies and the like."""
        places = {"Etc::SourceList": "/dev/null", "Etc::SourceParts": folder + "/parts", "State::Lists": folder + "/lists", "Cache": folder + "/cache"}
        options = [word for name, path in places.items() for word in ("-o", "Dir::%s=%s" % (name, path))]
        options += [word for pair in _ca(spec, folder) for word in ("-o", "%s=%s" % pair)]
        argv = ["apt-get", "-q", "-o", "APT::Update::Error-Mode=any"] + options + list(_NETWORK) + ["update"]
        done = runner.run(argv, limit=limit, env=environment())
        failures = parse.fetch_failures(done.stdout, done.stderr)
        if failures:
            raise CommandFailed("apt does not take the sources: %s" % "; ".join(failures), done.argv, rc=done.rc, sources=failures)
        load.checked(done)

    def cached(self, runner: Runner, document: Document) -> List[str]:
        prefix = _listed("%s/%s/" % (document["url"], document["platform"]))
        return load.found(runner, load.LISTS, ["-maxdepth", "1", "-type", "f", "-name", "*" + prefix + "*"])

    def trusted(self, runner: Runner) -> List[str]:
        return []

    def accept(self, runner: Runner, keys: Sequence[str]) -> None:
        return None

    def reject(self, runner: Runner, names: Sequence[str]) -> None:
        return None


def _ca(spec: Spec, private: str) -> List[Tuple[str, str]]:
    """For the release's host alone."""
    host = urlsplit(spec.url).hostname or ""
    if spec.ca and ":" in host:
        raise BadInput("url: %s: apt can't be told whom to trust for an address of IPv6: use a name" % spec.url, option="url")
    return [("Acquire::https::%s::CAInfo" % host, "%s/ca/%s" % (private, FILE))] if spec.ca else []


def _directories(runner: Runner) -> Dict[str, str]:
    """Where apt looks by its own word, whoever configured it."""
    done = runner.run(["apt-config", "shell", "list", "Dir::Etc::SourceList/f", "parts", "Dir::Etc::SourceParts/d"]).check()
    found = dict(_SHELL.findall(done.stdout))
    return {name: found.get(name, "").rstrip("/") for name in _DEFAULTS}


def _entries(runner: Runner, directories: Mapping[str, str]) -> List[Entry]:
    files: List[Tuple[str, str]] = []
    if directories["list"] not in ("", "/dev/null"):
        files.append((directories["list"], runner.read(directories["list"]) or ""))
    if directories["parts"] not in ("", "/dev/null"):
        files += [file for file in read_texts(runner, directories["parts"], (".list", ".sources")) if deb822.is_read(file[0].rsplit("/", 1)[-1])]
    return [entry for path, text in files for entry in deb822.parse(text, path)]


def _of(entries: Sequence[Entry], ending: str) -> List[Entry]:
    """Those that were written in the way that files of this ending are read; ``sources.list`` has another one."""
    return [entry for entry in entries if entry.file.endswith(".sources") == (ending == ".sources")]


def _listed(uri: str) -> str:
    """How apt names files of an address."""
    return re.sub(r"^\w+:/{0,2}", "", uri).replace("_", "%5f").replace("/", "_")
