"""Reads a `.wandb` file: a LevelDB log (32 KiB blocks of checksummed chunks) of protobuf records."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768
HEADER = struct.Struct("<IHB")
FILE_HEADER = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def _chunks(data: bytes) -> Iterator[bytes]:
    position, parts = FILE_HEADER, b""
    while position + HEADER.size <= len(data):
        left = BLOCK - position % BLOCK
        if left < HEADER.size:
            position += left
            continue
        _checksum, length, kind = HEADER.unpack_from(data, position)
        if kind == 0:
            position += left
            continue
        position += HEADER.size
        parts += data[position : position + length]
        position += length
        if kind in (FULL, LAST):
            yield parts
            parts = b""


def records(path: Path) -> Iterator[Any]:
    from wandb.proto import wandb_internal_pb2 as internal

    for chunk in _chunks(path.read_bytes()):
        record = internal.Record()
        record.ParseFromString(chunk)
        yield record


def history(path: Path) -> list[dict[str, Any]]:
    """The rows of `run.log`, one a record, as W&B will show them."""
    return [
        {(item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item}
        for record in records(path)
        if record.WhichOneof("record_type") == "history"
    ]


def run_record(path: Path) -> Any:
    return next(record.run for record in records(path) if record.WhichOneof("record_type") == "run")
