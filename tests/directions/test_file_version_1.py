"""The promise: a file of version 1, written here byte by byte, stays readable for ever."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from steerx.directions import Directions

DOCUMENT = """{
  "kind": "directions", "version": 1, "required": [],
  "fields": {
    "space": "w_plus", "names": ["smile", "age"], "layers": [[0, 1, 5], null],
    "unit": "sigma", "motion": "absolute", "when": "after_truncation", "kind": "pattern",
    "label": 4, "score_name": "validation_accuracy", "style_sizes": null,
    "weight_source": {"to_rgb": "last"}, "sign": "largest-magnitude entry positive",
    "model_id": "0123abcd", "resolution": 64, "truncation": [0.5, 8],
    "provenance": {"method": "by hand"}
  }
}"""
TENSORS = {
    "vectors": ([2, 2], [0.6, 0.8, 0.0, -1.0]),
    "scale": ([2], [1.0, 2.0]),
    "scores": ([2], [0.5, 0.25]),
    "intercepts": ([2], [1.0, -1.0]),
    "mean": ([2], [3.0, 4.0]),
    "covariance": ([2, 2], [1.0, 0.0, 0.0, 1.0]),
}


def version_1() -> bytes:
    header: dict[str, object] = {"__metadata__": {"steerx": DOCUMENT}}
    data = b""
    for name, (shape, values) in TENSORS.items():
        part = struct.pack(f"<{len(values)}f", *values)
        span = [len(data), len(data) + len(part)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": span}
        data += part
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_version_1_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    path.write_bytes(version_1())
    d = Directions.load(path)
    assert (d.space, d.names, d.layers) == ("w_plus", ("smile", "age"), ((0, 1, 5), None))
    assert (d.unit, d.motion, d.when, d.kind) == (
        "sigma",
        "absolute",
        "after_truncation",
        "pattern",
    )
    assert (d.label, d.score_name, d.style_sizes) == (4, "validation_accuracy", None)
    assert d.origin == "zero"  # a field that version 1 began without
    assert d.weight_source == {"to_rgb": "last"}
    assert (d.sign, d.model_id) == ("largest-magnitude entry positive", "0123abcd")
    assert (d.resolution, d.truncation) == (64, (0.5, 8))
    assert d.provenance == {"method": "by hand"}
    for name, (shape, values) in TENSORS.items():
        tensor = getattr(d, name)
        assert list(tensor.shape) == shape
        assert (tensor.flatten() - tensor.new_tensor(values)).abs().max() == 0, name


def test_the_other_fields_may_be_absent(tmp_path: Path) -> None:
    document = json.loads(DOCUMENT)
    needed = ("space", "names", "layers", "unit", "motion", "when", "kind")
    document["fields"] = {name: document["fields"][name] for name in needed}
    text = json.dumps(
        {
            "__metadata__": {"steerx": json.dumps(document)},
            "vectors": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
        }
    ).encode()
    path = tmp_path / "d.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<2f", 1, -1))
    d = Directions.load(path)
    assert d.scale.tolist() == [1.0, 1.0]
    assert d.model_id is None and d.resolution is None and d.provenance == {}
