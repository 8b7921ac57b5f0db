"""Old spellings: words of the tools that came before, understood but not shown in any help.

A table per command; the translation happens to the words of the command line, before they are parsed.
Sources: the options of NVlabs' image scripts, InterFaceGAN, SeFa and GANSpace.
"""

from __future__ import annotations

from collections.abc import Sequence

NETWORK = "NETWORK"  # an option that is a place here: its value goes first
PLACE = "PLACE"  # an option that is a place here: its value goes behind the others
DROPPED = "DROPPED"  # a switch that says what holds here anyway

_EVERYWHERE = {
    "--network": NETWORK,
    "--network_pkl": NETWORK,
    "--model_name": NETWORK,
    "-m": NETWORK,
    "--output_dir": "--outdir",
    "--save_dir": "--outdir",
    "--noise_mode": "--noise-mode",
    "--trunc_psi": "--trunc",
    "--truncation_psi": "--trunc",
    "--truncation": "--trunc",
    "--trunc_layers": "--cutoff",
    "--gpu_id": DROPPED,
}
_CODES = {
    "-i": "--codes",
    "--input_latent_codes_path": "--codes",
    "--latent_codes_path": "--codes",
    "-s": "--space",
    "--latent_space_type": "--space",
}
_COUNT = {"-n": "--num", "--num": "--num", "-N": "--num", "--num_samples": "--num"}
_DISTANCES = {
    "--start_distance": "--from",
    "--end_distance": "--to",
    "--step": "--steps",
}
ALIASES: dict[str, dict[str, str]] = {
    "sample": _COUNT,
    "sweep": {
        **_CODES,
        **_COUNT,
        **_DISTANCES,
        "-b": PLACE,
        "--boundary_path": PLACE,
        "-L": "--layers",
        "--layer_idx": "--layers",
        "-K": "--first",
        "--num_semantics": "--first",
    },
    "score": {**_CODES, **_COUNT},
    "walk": {**_CODES, **_COUNT},
    "edit": {**_CODES, "-b": PLACE, "--boundary_path": PLACE},
    "mine sefa": {"-L": "--layers", "--layer_idx": "--layers", "-K": "-k", "--num_semantics": "-k"},
    "mine ganspace": {
        "-c": "-k",
        "--components": "-k",
        "--est": "--estimator",
        "--use_w": DROPPED,
        "--model": NETWORK,
    },
    "mine interfacegan": {
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
_SWITCHES = {"--use_w"}  # dropped without a value
_VALUES = {"wp": "w_plus", "W": "w", "Z": "z"}  # of --space


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
    i = start
    while i < len(words):
        word, sign, given = (
            words[i].partition("=") if words[i].startswith("--") else (words[i], "", "")
        )
        if words[i] == "--":
            rest += words[i:]
            break
        target = table.get(word)
        if target is None:
            rest.append(words[i])
            i += 1
            continue
        i += 1
        if word in _SWITCHES:
            continue
        if not sign and i == len(words):  # its value is missing: the parser says so
            rest.append(word if target in (NETWORK, PLACE, DROPPED) else target)
            continue
        if not sign:
            given, i = words[i], i + 1
        if target == NETWORK:
            first.append(given)
        elif target == PLACE:
            last.append(given)
        elif target != DROPPED:
            rest += [target, _VALUES.get(given, given) if target == "--space" else given]
    return [*words[:start], *first, *rest, *last]


def _command(words: Sequence[str], commands: Sequence[str]) -> tuple[str, int]:
    """Name of the command and how many words it takes; "" and 0 where there is none."""
    for count in (2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in commands:
            return name, count
    return "", 0
