"""Reads every file of a folder under an audit hook, and tells what happened as JSON.

Runs in a process of its own, because an audit hook stays for ever.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from steerx import checkpoints

WATCHED = ("import", "exec", "compile", "pickle.find_class", "ctypes.dlopen", "marshal.loads")
PREFIXES = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "subprocess", "socket")


def main(folder: Path, honest: Path) -> None:
    checkpoints.read(honest)  # whatever honest reading imports late is imported now
    events: list[str] = []
    current = ""

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = (
            event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        )
        if event in WATCHED or event.startswith(PREFIXES) or writes:
            events.append(f"{current}: {event} {arguments!r}"[:300])

    sys.addaudithook(watch)
    results: dict[str, list[object]] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in sorted(folder.iterdir()):
        current = path.name
        start = time.process_time()
        try:
            checkpoints.read(path)
            told = ["read", ""]
        except checkpoints.CheckpointError as error:
            told = [str(error.kind), str(error)]
        except BaseException as error:
            told = ["escaped", repr(error)]
        results[path.name] = [*told, time.process_time() - start]
    current = "end"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    sys.stdout.write(json.dumps({"results": results, "events": events, "grown_kib": grown}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
