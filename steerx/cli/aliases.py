"""Old spellings: words of the tools that came before, understood but not shown in any help.

A table per command; the translation happens to the words of the command line, before they are parsed.
Sources: the options of NVlabs' image scripts, InterFaceGAN, SeFa and GANSpace.
"""

from __future__ import annotations

from collections.abc import Sequence

NETWORK = "NETWORK"  # an option that is a place here: its value goes first
PLACE = "PLACE"  # an option that is a place here: its value goes behind the others
COUNT = "COUNT"  # so many seeds, from --seed on or from 0: becomes --seeds
FIRST = "FIRST"  # the first so many directions: becomes --only
CLASS = (
    "CLASS"  # the number of a class; the name of one says which checkpoint, which NETWORK says here
)
DROPPED = "DROPPED"  # an option that says what holds here anyway

_EVERYWHERE = {
    "--network": NETWORK,
    "--network_pkl": NETWORK,
    "--model_name": NETWORK,
    "--model": NETWORK,
    "-m": NETWORK,
    "--output_dir": "--outdir",
    "--save_dir": "--outdir",
    "--noise_mode": "--noise-mode",
    "--trunc_psi": "--trunc",
    "--truncation_psi": "--trunc",
    "--truncation-psi": "--trunc",
    "--truncation": "--trunc",
    "--trunc_layers": "--cutoff",
    "--gpu_id": DROPPED,
}
_CODES = {
    "-i": "--codes",
    "--input_latent_codes_path": "--codes",
    "--latent_codes_path": "--codes",
    "--projected-w": "--codes",
    "-s": "--space",
    "--latent_space_type": "--space",
}
_COUNT = {"-n": COUNT, "--num": COUNT, "-N": COUNT, "--num_samples": COUNT}
_DISTANCES = {
    "--start_distance": "--from",
    "--end_distance": "--to",
    "--step": "--steps",
}
_BOUNDARY = {"-b": PLACE, "--boundary_path": PLACE}
_LAYERS = {"-L": "--layers", "--layer_idx": "--layers"}
_FILE = {"--output_dir": "--output", "--save_dir": "--output"}
ALIASES: dict[str, dict[str, str]] = {
    "sample": {**_CODES, **_COUNT, "--generate_image": DROPPED, "-I": DROPPED},
    "sweep": {
        **_CODES,
        **_COUNT,
        **_DISTANCES,
        **_BOUNDARY,
        **_LAYERS,
        "-K": FIRST,
        "--num_semantics": FIRST,
        "--first": FIRST,
    },
    "score": {**_CODES, **_COUNT},
    "walk": {**_CODES, **_COUNT, **_BOUNDARY, **_LAYERS, **_FILE},
    "report": {"--output_dir": "--out", "--save_dir": "--out"},
    "edit": {**_CODES, **_COUNT, **_BOUNDARY},
    "mine sefa": {**_FILE, **_LAYERS, "-K": "-k", "--num_semantics": "-k"},
    "mine ganspace": {
        **_FILE,
        "-c": "-k",
        "--components": "-k",
        "--est": "--estimator",
        "-b": "--batch",
        "--batch_size": "--batch",
        "--class": CLASS,
        "--use_w": DROPPED,
    },
    "mine interfacegan": {
        **_FILE,
        "-c": "--codes",
        "--latent_codes_path": "--codes",
        "-s": "--scores",
        "--scores_path": "--scores",
        "-n": "--ratio",
        "--chosen_num_or_ratio": "--ratio",
        "-r": "--split",
        "--split_ratio": "--split",
        "-V": "--invalid",
        "--invalid_value": "--invalid",
    },
}
_SWITCHES = {"--use_w", "--generate_image", "-I"}  # dropped without a value
# Values in today's words; None where the value says what holds without the option.
_VALUES: dict[str, dict[str, str | None]] = {
    "--space": {"wp": "w_plus", "w+": "w_plus", "W": "w", "Z": "z"},
    "--layer": {"style": None, "g_mapping": None},
    "--estimator": {"ipca": None},
}


def translated(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    """The words of a command line in today's spelling.

    Args:
        words: as typed, without the name of the program.
        commands: names of all commands, "mine sefa" among them.
    """
    command, start = _command(words, commands)
    table = {**_EVERYWHERE, **ALIASES[command]} if command in ALIASES else {}
    first: list[str] = []
    rest: list[str] = []
    last: list[str] = []
    counts: list[str] = []
    i = start
    while i < len(words):
        word, sign, given = (
            words[i].partition("=") if words[i].startswith("--") else (words[i], "", "")
        )
        if words[i] == "--":
            last = [*words[i:], *last]
            break
        i += 1
        target = table.get(word, word)
        if word in _SWITCHES and word in table:
            continue
        if target == word and target not in _VALUES:
            rest.append(words[i - 1])
            continue
        if not sign and i == len(words):  # its value is missing: the parser says so
            rest.append(target if target.startswith("-") else word)
            continue
        if not sign:
            given, i = words[i], i + 1
        if target == NETWORK:
            first.append(given)
        elif target == PLACE:
            last.append(given)
        elif target == COUNT:
            counts.append(given)
        elif target == FIRST:
            rest += ["--only", _span(0, given)]
        elif target == CLASS and given.isdecimal():
            rest += [word, given]
        elif target not in (CLASS, DROPPED):
            value = _VALUES.get(target, {}).get(given, given)
            rest += [] if value is None else [target, value]
    for count in counts:
        if not any(
            word.split("=")[0] == "--codes" for word in rest
        ):  # codes are as many as they are
            rest = _counted(rest, count)
    return [*words[:start], *first, *rest, *last]


def _counted(words: list[str], count: str) -> list[str]:
    """Words with so many seeds, which begin at the one of --seed."""
    for option in ("--seed", "--seeds"):
        if option in words[:-1]:
            place = words.index(option)
            if words[place + 1].isdecimal():
                seeds = _span(int(words[place + 1]), count)
                return [*words[:place], "--seeds", seeds, *words[place + 2 :]]
    return [*words, "--seeds", _span(0, count)]


def _span(first: int, count: str) -> str:
    """So many numbers as text such as 0-3; what is no number stays, and its option refuses it."""
    number = int(count) if count.isdecimal() else 0
    return f"{first}-{first + number - 1}" if number else count


def _command(words: Sequence[str], commands: Sequence[str]) -> tuple[str, int]:
    """Name of the command and how many words it takes; "" and 0 where there is none."""
    for count in (2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in commands:
            return name, count
    return "", 0
