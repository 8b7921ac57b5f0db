"""Parquet with embedded pictures, in the form of Hugging Face's Image feature: a struct of bytes and path.

The schema's metadata says under `huggingface` which feature each column is, so that `datasets` decodes the pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..alphas import Target
from ..errors import AugmentError
from ..plan import Plan
from ..reading import Sample
from .contents import Contents

_GROUP = 1 << 24  # bytes of pictures in a row group, which readers hold at once

Row = dict[str, Any]


def write(place: Path, contents: Contents, samples: Iterator[Sample]) -> None:
    """Write files with a row for each sample: its picture, and what is said of it."""
    from pyarrow import parquet

    contents.start(place)
    schema = None
    for path in contents.paths(place, "parquet"):
        groups = _groups(islice(samples, contents.per_file), contents.suffix)
        rows = next(groups)
        schema = schema or _schema(rows, contents.plan)
        plain = [name for name in schema.names if name != "image"]
        with parquet.ParquetWriter(
            path,
            schema,
            use_dictionary=plain,
            write_statistics=plain,  # those of pictures would be pictures
            compression=dict.fromkeys(plain, "snappy"),
        ) as file:
            while rows:
                file.write_table(_table(rows, schema))
                rows = next(groups, [])


def _groups(samples: Iterator[Sample], suffix: str) -> Iterator[list[Row]]:
    rows: list[Row] = []
    size = 0
    for sample in samples:
        image = {"bytes": sample.picture, "path": f"{sample.name}.{suffix}"}
        rows.append({"image": image, **json.loads(sample.about)})
        size += len(sample.picture)
        if size >= _GROUP:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _schema(rows: list[Row], plan: Plan) -> Any:
    """The columns; those that not every job has are as their first values are."""
    import pyarrow as pa

    text = pa.string()
    edit = {"direction": text, "alpha": pa.float64(), "unit": text, "space": text, "layers": text}
    if any(isinstance(one.alphas, Target) for one in plan.edits):
        edit |= {"attribute": text, "target": pa.float64(), "reached": pa.bool_()}
    known = {
        "image": pa.struct({"bytes": pa.binary(), "path": text}),
        "sample": pa.int64(),
        "source": pa.int64(),
        "seed": pa.int64(),
        "class": pa.int64(),
        "edits": pa.list_(pa.struct(edit)),
        "psi": pa.float64(),
        **dict.fromkeys(("noise", "codec", "sha256", "model", "plan", "steerx"), text),
    }
    others = sorted({name for row in rows for name in row} - set(known))
    for name in others:
        known[name] = pa.array([row.get(name) for row in rows]).type
    schema = pa.schema(known)
    features = {name: _feature(kind) for name, kind in known.items()} | {
        "image": {"_type": "Image"}
    }
    told = json.dumps({"info": {"features": features}})
    return schema.with_metadata({"huggingface": told})


def _feature(kind: Any) -> Any:
    """What `datasets` calls a type of Arrow."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {kind.field(k).name: _feature(kind.field(k).type) for k in range(kind.num_fields)}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    names = {"double": "float64"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}


def _table(rows: list[Row], schema: Any) -> Any:
    import pyarrow as pa

    if unknown := {name for row in rows for name in row} - set(schema.names):
        raise AugmentError(
            f"export: some samples have {min(unknown)!r}, others before them had not"
        )
    return pa.Table.from_pylist(rows, schema=schema)
