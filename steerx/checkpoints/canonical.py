"""Our own layout: canonical tensors in a safetensors file, one JSON text beside them.

The text stands under the metadata key `steerx`: {"version": 1, "family", "config", "facts"}.
"""

from __future__ import annotations

import json
from typing import Any

from steerx.checkpoints.checkpoint import Checkpoint
from steerx.checkpoints.config import expected_shapes
from steerx.checkpoints.containers import Contents
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.families import FAMILIES
from steerx.checkpoints.nvlabs_settings import plain_data
from steerx.checkpoints.plan import Plan, Rule, check_names
from steerx.checkpoints.state_dict import tensors_of
from steerx.checkpoints.tensor_file import parse_json

METADATA_KEY = "steerx"
VERSION = 1


def plan(contents: Contents) -> Plan | None:
    """The plan for one of our own files; None where the file is of another layout.

    Raises:
        CheckpointError: a safetensors file without our text, or of another version or family.
    """
    if contents.container != "safetensors" or not isinstance(contents.tree, dict):
        return None
    text = contents.metadata.get(METADATA_KEY)
    if text is None:
        raise CheckpointError(
            Kind.UNSUPPORTED, "a safetensors file without steerx metadata; convert the original"
        )
    description = parse_json(text)
    if not isinstance(description, dict):
        raise CheckpointError(Kind.BAD_STRUCTURE, "the steerx metadata are not an object")
    kind = description.get("kind")
    if isinstance(kind, str):  # directions and codes share the container with networks
        raise CheckpointError(
            Kind.UNSUPPORTED, f"this file holds {shown(kind, limit=40)}, no network"
        )
    version, family = description.get("version"), description.get("family")
    if type(version) is not int or version != VERSION:
        raise CheckpointError(
            Kind.UNSUPPORTED, f"steerx metadata of another version than {VERSION}; update steerx"
        )
    if not isinstance(family, str) or family not in FAMILIES:
        name = shown(family) if isinstance(family, str) else f"of type {type(family).__name__}"
        known = ", ".join(map(repr, FAMILIES))
        raise CheckpointError(Kind.UNSUPPORTED, f"the family {name}; steerx reads {known}")
    config = FAMILIES[family].from_json(description.get("config"))
    facts = plain_data(description.get("facts", {}), contents.budget)  # neither deep nor many
    if not isinstance(facts, dict):
        raise CheckpointError(Kind.BAD_STRUCTURE, "the facts in the metadata are not an object")
    rules = tuple(Rule(name, name, shape) for name, shape in expected_shapes(config).items())
    tensors = tensors_of(contents.tree)
    check_names(rules, tensors)
    # A file that was converted again and again tells of the first one.
    return Plan("steerx", config, rules, tensors, facts={"origin": facts.get("origin", facts)})


def describe_in_json(checkpoint: Checkpoint) -> str:
    """The text that `plan` reads back."""
    description: dict[str, Any] = {
        "version": VERSION,
        "family": checkpoint.family,
        "config": checkpoint.config.to_json(),
        "facts": checkpoint.facts,
    }
    return json.dumps(description, sort_keys=True, allow_nan=False)
