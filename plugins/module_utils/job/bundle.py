# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The program of a job: these very sources as one zip that the host's Python runs (``python -I -S program.zip``).

A module's own payload is gone when the module ends, and a job outlives it; so the sources that came with the module are
packed again, from the zip that Ansible sent or from plain files. They keep their places below one package, so that their
relative imports hold. Only standard library is in there, hence ``-I -S``: nothing that is installed on the host can get in.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
import zipimport
from typing import Callable, Dict, Iterator, Sequence, Tuple

PACKAGE = "patchtrain"
ISOLATED = ("-I", "-S", "-B")
_OURS = __name__.rsplit(".", 2)[0]
_WHEN = (1980, 1, 1, 0, 0, 0)

Main = Callable[[Sequence[str]], int]


def build(main: Main) -> bytes:
    """A zip of ``module_utils`` that calls ``main`` with the arguments and ends with what it returns. ``main`` is passed
    in, so that whoever builds a program has imported it: Ansible sends only what is imported."""
    return pack(sources(), main.__module__, main.__name__)


def sources() -> Dict[str, bytes]:
    """Our modules by their path below ``module_utils``."""
    loader = getattr(sys.modules[__name__], "__loader__", None)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = _from_zip(loader.archive, here) if isinstance(loader, zipimport.zipimporter) else _from_files(here)
    return dict(sorted(found))


def pack(modules: Dict[str, bytes], module: str, function: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(modules.items()):
            archive.writestr(_entry("%s/%s" % (PACKAGE, path)), text)
        archive.writestr(_entry("__main__.py"), _main_text(module, function))
    return buffer.getvalue()


def _from_zip(archive: str, here: str) -> Iterator[Tuple[str, bytes]]:
    prefix = os.path.relpath(here, archive) + "/"
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.startswith(prefix) and name.endswith(".py"):
                yield name[len(prefix):], opened.read(name)


def _from_files(here: str) -> Iterator[Tuple[str, bytes]]:
    for folder, _folders, names in os.walk(here):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, "rb") as handle:
                    yield os.path.relpath(path, here), handle.read()


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed time makes equal sources an equal program, and is one that hosts with a wrong clock can write.
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _main_text(module: str, function: str) -> str:
    inside = module[len(_OURS):] if module.startswith(_OURS + ".") else "." + module
    return "import sys\nfrom %s%s import %s\nsys.exit(%s(sys.argv[1:]))\n" % (PACKAGE, inside, function, function)
