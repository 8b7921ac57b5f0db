"""Loads attacks with the stock loaders, and counts whose payload ran: each would make an empty file.

    python -m tests.checkpoints.control FOLDER [ENOUGH] > names.json

Only this shows that the attacks are attacks. Each file is loaded in a child of its own.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.checkpoints import jail
from tests.checkpoints.corpus import corpus

WAIT = 0.3  # seconds, for payloads that start a program and do not wait for it


def load(path: Path) -> str:
    """What users of the stock tools call, for what the name says the file is."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    if path.name.split("@")[1] in ("zip", "legacy"):
        torch.load(path, weights_only=False)
    else:
        with path.open("rb") as handle:
            pickle.load(handle)
    return "read"


def stand_in() -> None:
    """The modules that pickles of networks name, as far as loading one calls them."""
    persistence = types.ModuleType("torch_utils.persistence")
    util = types.ModuleType("dnnlib.util")
    persistence._reconstruct_persistent_obj = _rebuilt  # type: ignore[attr-defined]
    util.EasyDict = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})  # type: ignore[attr-defined]
    for module in (persistence, util):
        package = module.__name__.partition(".")[0]
        sys.modules |= {package: types.ModuleType(package), module.__name__: module}


def _rebuilt(meta: Any) -> Any:
    return meta


def ran(marker: Path) -> bool:
    """Whether the payload made its file, which is taken away."""
    for _ in range(int(WAIT / 0.01)):
        made = [path for path in marker.parent.iterdir() if path.name.startswith(marker.name)]
        for path in made:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if made:
            return True
        time.sleep(0.01)
    return False


def main(folder: Path, enough: int) -> None:
    stand_in()
    jail.MEMORY = 1 << 40
    marker = folder / "made" / "marker"
    marker.parent.mkdir()
    names = []
    for attack in corpus(str(marker)):
        if attack.runs:
            path = folder / attack.name.replace("/", "-")
            path.write_bytes(attack.data)
            jail.alone(path, load)
            path.unlink()
            if ran(marker):
                names.append(attack.name)
        if len(names) >= enough:
            break
    json.dump(names, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else sys.maxsize)
