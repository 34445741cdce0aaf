"""Reads a merged record, or a metrics file of another program, into columns: fast when the file is clean, tolerant
when it is not.

Killed processes leave a last line without its end, restarted ones write a step twice, other loggers write `NaN`.
Steps come out sorted and unique: repeated ones are merged by the rule of `campaign.folder.run_record`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from campaign.folder.json_lines import parse_object
from campaign.folder.regular_files import LARGEST_RECORD, read_regular
from campaign.folder.untrusted_json import DEEPEST, parse_json

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Owner = tuple[str | None, int | None]
"""Condition and seed; None for what a row does not name."""


@dataclass(frozen=True, slots=True)
class Record:
    """The rows of one run in one file; steps rise and are unique."""

    steps: NDArray[np.int64]
    metrics: Mapping[str, Floats]
    notes: tuple[str, ...] = ()


LARGEST_STEP = 2.0**53
"""From here on, a double no longer represents every integer."""

ByStep = Callable[[NDArray[np.int64], Mapping[str, Floats], tuple[str, ...]], Record]
"""Makes one row per step."""


class KnownColumns:
    """The columns of the file that was read last. Files of one campaign have the same columns, and inferring them
    takes twice as long as reading the values."""

    def __init__(self) -> None:
        self.schema: dict[str, pl.DataType] = {}


def read_record(
    path: Path, known: KnownColumns | None = None, *, completions: bool = False, one_run: bool = False
) -> dict[Owner, Record]:
    """The numbers of a file by the (condition, seed) that its rows name; one entry for a file of one run.

    Rows without a whole, non-negative `step` are ignored, and so are strings and nested values. Booleans count
    as 0 and 1, null as missing. A file that is missing (a link's target may not exist yet) or empty has no
    entries. Raises `DamagedFile` for a file that cannot be read. `known` is shared between files that probably have the same columns.

    With `completions`, the file has one row per completion instead of one per step, and the values of a step are
    averaged. With `one_run`, all rows belong to one run, which the path names, whatever they say themselves.
    """
    try:
        data = read_regular(path, LARGEST_RECORD)
    except FileNotFoundError:
        return {}
    data, notes = _whole_lines(data)
    if not data:
        return {}
    fast = None if _is_deep(data) else _columns_fast(data, known or KnownColumns())
    columns, more = fast or _columns_tolerant(data)
    notes += more
    if one_run:
        columns = {name: values for name, values in columns.items() if name not in ("condition", "seed")}
    records = _by_owner(columns, notes, _mean_by_step if completions else _last_by_step)
    if not records and data.strip():
        notes = (*notes, "no row has a whole number, 0 or more, as its `step`")
        return {(None, None): Record(np.zeros(0, dtype=np.int64), {}, notes)}
    return records


def record_of(rows: Iterable[Mapping[str, Any]], notes: tuple[str, ...] = ()) -> dict[Owner, Record]:
    """The same from rows that are already in memory, such as the merged attempts of a live run."""
    return _by_owner(_columns_of(list(rows)), notes, _last_by_step)


def _whole_lines(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The data without a truncated last line."""
    head, newline, tail = data.rpartition(b"\n")
    if not tail.strip():
        return data, ()
    try:
        parse_json(tail)
    except ValueError:
        return head + newline, ("the last line is cut off and was ignored",)
    return data, ()


def _is_deep(data: bytes) -> bool:
    """Whether a row may be nested deeply: polars takes minutes for a type of several hundred levels."""
    if data.count(b"{") + data.count(b"[") <= data.count(b"\n") + DEEPEST:  # nearly always: no nested values
        return False
    return any(line.count(b"{") + line.count(b"[") > DEEPEST for line in data.split(b"\n"))


def _columns_fast(data: bytes, known: KnownColumns) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]] | None:
    """The columns as polars reads them, with notes, or None when the file needs the tolerant reader."""
    import polars as pl

    frame = _as_known(data, known.schema)
    if frame is None:
        try:
            frame = pl.read_ndjson(data, infer_schema_length=None)
        except pl.exceptions.PolarsError:
            return None
        known.schema = _schema(frame)
    columns: dict[str, NDArray[Any]] = {}
    for series in frame:
        if series.null_count() == len(series):
            continue
        if series.dtype.is_numeric() or series.dtype == pl.Boolean:
            columns[series.name] = _floats(series)
        elif series.dtype == pl.String:
            if series.name == "condition":
                columns[series.name] = np.array(series.to_list(), dtype=object)
            elif _was_mixed(series):
                return None
    return columns, _nested_note([series.name for series in frame if series.dtype == pl.Struct])


def _floats(series: pl.Series) -> Floats:
    """NaN where a value is missing. A conversion is skipped where there is nothing to convert: most columns of a
    record are floats without gaps, and this is what reading a campaign spends its time on."""
    import polars as pl

    numbers = series if series.dtype == pl.Float64 else series.cast(pl.Float64)
    return (numbers.fill_null(float("nan")) if series.null_count() else numbers).to_numpy()


def _schema(frame: pl.DataFrame) -> dict[str, pl.DataType]:
    """The schema by which a similar file can be read; empty when there are types other than number, boolean and
    string."""
    import polars as pl

    schema: dict[str, pl.DataType] = {}
    for name, dtype in frame.schema.items():
        if dtype.is_numeric() or dtype == pl.Null:
            schema[name] = pl.Float64()
        elif dtype in (pl.Boolean, pl.String):
            schema[name] = dtype
        else:
            return {}
    return schema


def _as_known(data: bytes, schema: dict[str, pl.DataType]) -> pl.DataFrame | None:
    """The file read with the schema of the previous one; None unless that read every value.

    polars silently ignores keys that are not in the schema, reads values that do not fit as null, and numbers as
    strings. The values are therefore counted. Without a backslash, every quote begins or ends a key or a string,
    and `":` ends a key, except when a string begins with a colon, which shows in the number of quotes.
    """
    import polars as pl

    if not schema or b"\\" in data:
        return None
    texts = data.count(b'": "') + data.count(b'":"')
    nulls = data.count(b'": null') + data.count(b'":null')
    keys = data.count(b'":')
    if np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == ord('"')) != 2 * (keys + texts):
        return None
    try:
        frame = pl.read_ndjson(data, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    filled = {series.name: len(series) - series.null_count() for series in frame}
    as_text = sum(filled[series.name] for series in frame if series.dtype == pl.String)
    return frame if as_text == texts and sum(filled.values()) + nulls == keys else None


def _numbers_as_text(rows: list[dict[str, Any]]) -> list[str]:
    """Names whose values are all strings that look like numbers, which is probably a mistake."""
    names = dict.fromkeys(name for row in rows[:1] for name in row)
    return [
        name
        for name in names
        if name not in ("condition", "seed") and all(_reads_as_number(row.get(name)) for row in rows)
    ]


def _reads_as_number(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _was_mixed(series: pl.Series) -> bool:
    """Whether the column has numbers or booleans beside strings; polars converts all of them to strings."""
    import polars as pl

    return bool(series.is_in(["true", "false"]).any() or series.cast(pl.Float64, strict=False).count())


def _columns_tolerant(data: bytes) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """The columns of whatever lines can be read, with notes about the others."""
    rows, bad = _rows(data)
    notes: tuple[str, ...] = ()
    if bad:
        notes += (
            "1 line that is not a JSON object is ignored"
            if bad == 1
            else f"{bad} lines that are not JSON objects are ignored",
        )
    if names := _numbers_as_text(rows):
        notes += (f"numbers written as strings are ignored: {', '.join(names)}",)
    nested = {name for row in rows for name, value in row.items() if isinstance(value, dict)}
    return _columns_of(rows), notes + _nested_note(sorted(nested))


def _nested_note(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (
        f"objects are not read: {', '.join(names)}; log their values flat, such as `{names[0]}.accuracy`",
    )


def _rows(data: bytes) -> tuple[list[dict[str, Any]], int]:
    rows, bad = [], 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        if (row := parse_object(line)) is not None:
            rows.append(row)
        else:
            bad += 1
    return rows, bad


def _columns_of(rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """Numeric columns (floats, NaN where missing) and the strings of `condition`."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name == "condition":
            columns[name] = np.array([_string(value) for value in values], dtype=object)
        elif any(isinstance(value, (int, float)) for value in values):
            columns[name] = np.array([_number(value) for value in values], dtype=np.float64)
    return columns


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)):
        return float("nan")
    try:
        number = float(value)
    except OverflowError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def _by_owner(
    columns: dict[str, NDArray[Any]], notes: tuple[str, ...], by_step: ByStep
) -> dict[Owner, Record]:
    steps = columns.pop("step", None)
    if steps is None or steps.dtype == object:
        return {}
    # A missing step is NaN; it is replaced before `floor` only to avoid numpy's warning.
    keep = (
        np.isfinite(steps)
        & (steps >= 0)
        & (steps < LARGEST_STEP)
        & (steps == np.floor(np.where(np.isfinite(steps), steps, 0.5)))
    )
    conditions, seeds = columns.pop("condition", None), columns.pop("seed", None)
    if conditions is not None and conditions.dtype != object:  # numbers, which are not names of conditions
        conditions = None
    metrics = {name: values for name, values in columns.items() if values.dtype == np.float64}
    records = {}
    for owner, rows in _owners(conditions, seeds, keep).items():
        chosen = {name: values[rows] for name, values in metrics.items()}
        records[owner] = by_step(steps[rows].astype(np.int64), chosen, notes)
    return records


def _owners(
    conditions: NDArray[Any] | None, seeds: NDArray[Any] | None, keep: NDArray[np.bool_]
) -> dict[Owner, NDArray[np.int64]]:
    """Row numbers by owner. Nearly every file has one owner, which needs no loop over the rows."""
    rows = np.flatnonzero(keep)
    if not len(rows):
        return {}
    one_condition = conditions is None or bool(np.all(conditions[rows] == conditions[rows[0]]))
    one_seed = seeds is None or bool(np.all((seeds[rows] == seeds[rows[0]]) | np.isnan(seeds[rows])))
    if one_condition and one_seed:
        return {_owner(conditions, seeds, int(rows[0])): rows}
    owners: dict[Owner, list[int]] = {}
    for row in rows:
        owners.setdefault(_owner(conditions, seeds, int(row)), []).append(int(row))
    return {owner: np.array(chosen, dtype=np.int64) for owner, chosen in owners.items()}


def _owner(conditions: NDArray[Any] | None, seeds: NDArray[Any] | None, row: int) -> Owner:
    seed = float("nan") if seeds is None else float(seeds[row])
    return (None if conditions is None else conditions[row], int(seed) if np.isfinite(seed) else None)


def _last_by_step(steps: NDArray[np.int64], metrics: Mapping[str, Floats], notes: tuple[str, ...]) -> Record:
    """Sorted and unique by step, with the last finite value of each metric."""
    if np.all(steps[1:] > steps[:-1]):
        return Record(steps, {name: _finite(values) for name, values in metrics.items()}, notes)
    unique, place = np.unique(steps, return_inverse=True)
    merged = {}
    for name, values in metrics.items():
        finite = np.isfinite(values)
        merged[name] = np.full(len(unique), np.nan)
        # Assigning to a repeated index keeps the last value, and rows are in the order of the file.
        merged[name][place[finite]] = values[finite]
    if repeats := len(steps) - len(unique):
        notes = (*notes, f"{repeats} rows repeat a step; the last value of each metric counts")
    return Record(unique, merged, notes)


def _mean_by_step(steps: NDArray[np.int64], metrics: Mapping[str, Floats], notes: tuple[str, ...]) -> Record:
    """Sorted and unique by step, with the mean of the finite values of each metric."""
    unique, place = np.unique(steps, return_inverse=True)
    averaged = {}
    for name, values in metrics.items():
        finite = np.isfinite(values)
        total = np.bincount(place[finite], weights=values[finite], minlength=len(unique))
        count = np.bincount(place[finite], minlength=len(unique))
        averaged[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if repeats := len(steps) - len(unique):
        notes = (*notes, f"{repeats} rows repeat a step; the rows of a step were averaged")
    return Record(unique, averaged, notes)


def _finite(values: Floats) -> Floats:
    return values if np.all(np.isfinite(values)) else np.where(np.isfinite(values), values, np.nan)
