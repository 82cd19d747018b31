#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays one scene; runs inside the root, started by record.py."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, "/collection")

from replay import Recorder


def main(kind: str, name: str) -> None:
    scenes = importlib.import_module("scenes_" + kind)
    if name == "seed":
        scenes.seed()
        Path("/out/scenes").write_text("\n".join(scenes.SCENES))
        return
    recorder = Recorder()
    result = scenes.SCENES[name](recorder)
    recorder.save(Path("/out") / (name + ".json"), result)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
