"""Mutated files of every layout and container: only `CheckpointError` leaves the reader, and nothing is imported.

    python -m tests.checkpoints.fuzz [--count 1000000] [--seed 1]          make fuzz

Mutations are bits, bytes, cut, doubled and moved pieces, and numbers at the edges of their types. The seed is
printed; the same seed and count make the same files.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from steerx.checkpoints import CheckpointError
from tests.checkpoints import jail, trial
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import tensorflow_writers as tensorflow
from tests.checkpoints.corpus import archives, arrays, damage
from tests.checkpoints.writers import (
    dumps,
    nvlabs_network,
    nvlabs_state,
    random_tensors,
    tiny_config,
)

_NUMBERS = [n.to_bytes(8, "little") for n in (0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)]
TELL = 50_000  # mutations between two lines


def honest() -> dict[str, bytes]:
    """Small files by name, as `trial.read` takes them."""
    files = {
        f"@{box}@{name}": write(state) for name, (box, state, write) in damage.layouts().items()
    }
    config = tiny_config(resolution=4, channels={4: 2}, z_dim=2, w_dim=2, mapping_layers=1)
    state = nvlabs_state(config, random_tensors(config))
    files |= {f"@pickle@{p}": dumps({"G_ema": nvlabs_network(dict(state))}, p) for p in (2, 3, 5)}
    style = progressive.stylegan_state(damage.STYLE, progressive.random_tensors(damage.STYLE))
    files["@pickle@tensorflow"] = dumps(tensorflow.stylegan(style), 4)
    array = arrays.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }")
    packed = archives.zipped(("w.npy", array), ("z.npy", array), method=archives.DEFLATED)
    return files | {
        "@npy@array": array,
        "@npz@stored": archives.zipped(("w.npy", array)),
        "@npz@packed": packed,
    }


def mutate(data: bytearray, random: random.Random) -> None:
    """One change."""
    at = random.randrange(len(data) + 1)
    kind = random.randrange(9)
    length = random.choice((1, 1, 2, 4, 8, random.randrange(1, 60)))
    if kind == 0 and at < len(data):
        data[at] ^= 1 << random.randrange(8)
    elif kind == 1 and at < len(data):
        data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    elif kind == 2:
        del data[at : at + length]
    elif kind == 3:
        data[at:at] = random.randbytes(length)
    elif kind == 4:
        source = random.randrange(len(data) + 1)
        data[at:at] = data[source : source + length]
    elif kind == 5:
        source = random.randrange(len(data) + 1)
        data[at : at + length] = data[source : source + length]
    elif kind == 6:
        width = random.choice((1, 2, 4, 8))
        data[at : at + width] = random.choice(_NUMBERS)[:width]
    elif kind == 7:
        del data[at:]
    else:
        data[at : at + 1] = random.choice(b"cR\x93\x81bQ(tu}]h\x94.\x85\x86\x87N").to_bytes()


def main(count: int, seed: int) -> int:
    """Read `count` mutations; how many ended in anything but a network or a refusal."""
    print(f"seed {seed}, {count} mutations", flush=True)
    chance = random.Random(seed)
    wrong, seen, start = 0, Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial.ready(Path(folder) / "first")
        files = honest()
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
            assert trial.read(Path(folder) / name) == "read", name
        names, events = sorted(files), watched()
        for number in range(count):
            name = names[number % len(names)]
            data = bytearray(files[name])
            for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
                mutate(data, chance)
            path = Path(folder) / name
            path.write_bytes(data)
            events.clear()
            try:
                outcome = trial.read(path)
            except CheckpointError as error:
                outcome = str(error.kind)
            except BaseException:
                outcome = "escaped"
                traceback.print_exc()
            seen[outcome] += 1
            if outcome == "escaped" or events:
                wrong += 1
                kept = Path(tempfile.gettempdir()) / f"steerx-fuzz-{seed}-{number}{name}"
                kept.write_bytes(data)
                print(f"{outcome} {events[:2]}: {kept}", flush=True)
            if (number + 1) % TELL == 0:
                print(f"{number + 1}: {time.monotonic() - start:.0f} s", flush=True)
    listed = ", ".join(f"{kind} {n}" for kind, n in seen.most_common())
    print(f"{count} mutations, {wrong} wrong: {listed}; {time.monotonic() - start:.0f} s")
    return wrong


def watched() -> list[str]:
    """What an audit hook sees from now on; it stays for ever."""
    events: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in jail.WATCHED or event.startswith(jail.PREFIXES):
            events.append(f"{event} {arguments!r}"[:200])

    sys.addaudithook(watch)
    return events


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20_240_229)
    asked = parser.parse_args()
    sys.exit(main(asked.count, asked.seed) > 0)
