"""What made the masks: model, checkpoint, device, numbers and versions, now and for each run.

``runs.jsonl`` in the project's folder has one line for each tracking run, appended before its
first mask. A second line of the same run counts in the place of the first: it has the checkpoint's
hash, which takes seconds for a large file and keeps nobody waiting. A cleaning of saved masks has a
line too, once it is done: those masks keep the run that they are of.
"""

from __future__ import annotations

import contextlib
import platform
import re
import threading
import time
import uuid
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam2_widget.checksums import State, sha256, state_of
from sam2_widget.durable import append_line
from sam2_widget.errors import ProjectError, SaveError
from sam2_widget.ids import MAX_FRAMES, MAX_INSTANCE, is_region
from sam2_widget.json_files import journal_line, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sam2_widget.annotations import Scope
    from sam2_widget.cleaning import Cleaning
    from sam2_widget.engines.base import Engine
    from sam2_widget.project import Project

FILE = "runs.jsonl"
CLEANING = "clean"
"""Under ``what``, in the line of a cleaning of saved masks."""
MAX_BYTES = 1 << 28
"""Of ``runs.jsonl``: some hundred thousand runs."""
_LONGEST = 400
_RUN = re.compile(r"[0-9A-Za-z]{1,32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("model", "config", "device", "device_name", "precision")
_AREAS = ("fill_hole_area", "min_mask_region_area")
_MOST_VERSIONS = 20
_MOST_SCOPES = 10_000


class Provenance:
    """Tells and writes what makes the masks of a live project, for any thread.

    Parameters
    ----------
    project : Project
        Where ``runs.jsonl`` lies.
    soon : callable
        Queues a task on the worker.
    changed : callable
        Called with what makes masks now whenever that is another, and again with the hash.
    cleaning : Cleaning
        How masks of the model are cleaned before they are saved.
    """

    def __init__(
        self,
        project: Project,
        soon: Callable[[Callable[[], None]], object],
        changed: Callable[[dict[str, Any]], None],
        cleaning: Cleaning,
    ) -> None:
        self._cleaning = cleaning
        self._engine: Engine | None = None
        self._path = project.root / FILE
        self._flusher = project.flusher
        # Masks are saved by other threads than the worker, which opens engines.
        self._lock = threading.Lock()
        self._soon = soon
        self._changed = changed
        self._now: dict[str, Any] = {}
        # The state of it that was loaded: one that is written over later is another model's.
        self._file: tuple[Path, State] | None = None
        # Runs whose line lacks the hash of this file.
        self._unhashed: dict[tuple[Path, State], list[dict[str, Any]]] = {}

    def engine_opened(self, engine: Engine, state: State | None = None) -> None:
        """Note which engine makes masks from now on; `state` is its file's when it was read."""
        described = _described(engine)
        named = described.pop("checkpoint", None)
        now, file = checked(described | asdict(self._cleaning)), None
        if isinstance(named, str):
            with contextlib.suppress(OSError):
                file = Path(named), state or state_of(Path(named))
                now["checkpoint"] = {"file": file[0].name, "size": file[1][0], "sha256": ""}
        with self._lock:
            self._engine, self._now, self._file = engine, now, file
        self._changed(now)
        if file is not None:
            self._hash(file)

    def run_begins(
        self, run: str, scopes: Iterable[Scope], frames: range, direction: str, *, force: bool
    ) -> None:
        """Write down a run, before its first mask is saved.

        Raises
        ------
        SaveError
            If the line cannot be written.
        """
        what = {
            "scopes": _listed(scopes),
            "range": [frames.start, frames.stop],
            "direction": direction,
            "force": force,
        }
        with self._lock:
            record = {"run": run, "started": _time(), **self._now, **self._found(), **what}
            self._append(record)
            if self._file is not None and not self._now["checkpoint"]["sha256"]:
                self._unhashed.setdefault(self._file, []).append(record)

    def cleaned(self, scopes: Iterable[Scope], cleaning: Cleaning, count: int) -> None:
        """Write down that saved masks were cleaned.

        Raises
        ------
        SaveError
            If the line cannot be written.
        """
        what = {"what": CLEANING, "scopes": _listed(scopes), **asdict(cleaning), "masks": count}
        with self._lock:
            self._append({"run": uuid.uuid4().hex[:8], "started": _time(), **what})

    def take_over(self, runs: Mapping[str, Mapping[str, Any]]) -> None:
        """Write down runs of another project, before masks of theirs are; none that is known.

        Raises
        ------
        ProjectError
            If the runs that are known cannot be read.
        SaveError
            If they cannot be written, or are too many.
        """
        if not runs:
            return
        with self._lock:
            known = read_runs(self._path.parent)
            new = [journal_line(told) for run, told in runs.items() if run not in known]
            if not new:
                return
            lines = b"\n".join(new)
            size = self._path.stat().st_size if self._path.exists() else 0
            if size + len(lines) >= MAX_BYTES:
                raise SaveError(
                    f"{self._path} would become too large; take the runs out of the file that is "
                    "loaded, no mask needs them."
                )
            append_line(self._path, lines, self._flusher)

    def now(self) -> dict[str, Any]:
        """Return what makes masks now, for any thread; waits for the hash of the checkpoint."""
        with self._lock:
            now, file = self._now | self._found(), self._file
        digest = None if file is None else _hash_of(*file)
        if digest is not None:
            return {**now, "checkpoint": {**now["checkpoint"], "sha256": digest}}
        return now

    def _found(self) -> dict[str, Any]:
        """Return what an engine finds out while it tracks."""
        told = {} if self._engine is None else checked(_described(self._engine))
        return {key: told[key] for key in ("batched",) if key in told}

    def _append(self, record: Mapping[str, Any]) -> None:
        append_line(self._path, journal_line(record), self._flusher)

    def _hash(self, file: tuple[Path, State]) -> None:
        def work() -> None:
            digest = _hash_of(*file)
            # The project may be closed before it is done: then nobody is told.
            with contextlib.suppress(RuntimeError):
                if digest is not None:
                    self._soon(lambda: self._hashed(file, digest))

        threading.Thread(target=work, name="sam2-widget-hash", daemon=True).start()

    def _hashed(self, file: tuple[Path, State], digest: str) -> None:
        with self._lock:
            for record in self._unhashed.pop(file, []):
                record["checkpoint"] = {**record["checkpoint"], "sha256": digest}
                with contextlib.suppress(SaveError):
                    self._append(record)
            if file != self._file:
                return
            checkpoint = {**self._now["checkpoint"], "sha256": digest}
            self._now = now = {**self._now, "checkpoint": checkpoint}
        self._changed(now)


def _hash_of(file: Path, state: State) -> str | None:
    """Return the hash of a file, None if it is another one than was loaded, or gone."""
    with contextlib.suppress(OSError):
        digest = sha256(file)
        return digest if state_of(file) == state else None
    return None


def read_runs(root: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of every run of a project by its id, in the order they began.

    Torn lines, and lines that say something else than a run does, are left out.

    Raises
    ------
    ProjectError
        If the file cannot be read, or is too large to be one.
    """
    path = root / FILE
    with contextlib.suppress(OSError):
        if path.stat().st_size > MAX_BYTES:
            raise ProjectError(
                f"{path} is too large to be a list of runs; move it away, no mask needs it."
            )
    return checked_runs(read_journal(path))


def checked_runs(records: Iterable[object]) -> dict[str, dict[str, Any]]:
    """Return what records of runs say, as far as it makes sense, by their ids; the last counts."""
    runs: dict[str, dict[str, Any]] = {}
    for record in records:
        run = record.get("run") if isinstance(record, dict) else None
        if isinstance(record, dict) and isinstance(run, str) and _RUN.fullmatch(run):
            runs[run] = {"run": run, **_checked_run(record)}
    return runs


def is_cleaning_of(told: Mapping[str, Any], scopes: Iterable[tuple[int, str]]) -> bool:
    """Tell whether a checked record is of a cleaning of masks of these scopes, of one at least."""
    theirs = {(instance, region) for instance, region in told.get("scopes", ())}
    return told.get("what") == CLEANING and not theirs.isdisjoint(scopes)


def checked(content: object) -> dict[str, Any]:
    """Return what a text, a file or an engine says of what made masks, as far as it makes sense."""
    if not isinstance(content, dict):
        return {}
    kept: dict[str, Any] = {key: text for key in _TEXTS if (text := _text(content.get(key)))}
    kept |= {key: number for key in _AREAS if _is_count(number := content.get(key))}
    asked = content.get("batch_objects")
    if isinstance(asked, bool) or (isinstance(asked, str) and asked == "auto"):
        kept["batch_objects"] = asked
    if isinstance(content.get("batched"), bool):
        kept["batched"] = content["batched"]
    file = content.get("checkpoint")
    if isinstance(file, dict) and _text(file.get("file")):
        size, digest = file.get("size"), file.get("sha256")
        kept["checkpoint"] = {
            "file": _text(file["file"]),
            "size": size if type(size) is int and size >= 0 else 0,
            "sha256": digest if isinstance(digest, str) and _HASH.fullmatch(digest) else "",
        }
    versions = content.get("versions")
    if isinstance(versions, dict):
        given = list(versions.items())[:_MOST_VERSIONS]
        kept["versions"] = {
            name: number
            for key, value in given
            if (name := _text(key)) and (number := _text(value))
        }
    return kept


def _checked_run(content: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if started := _text(content.get("started")):
        kept["started"] = started
    kept |= checked(content)
    scopes = content.get("scopes")
    if isinstance(scopes, list):
        kept["scopes"] = [[s[0], s[1]] for s in scopes[:_MOST_SCOPES] if _is_scope(s)]
    frames = content.get("range")
    if isinstance(frames, list) and len(frames) == 2 and all(map(_is_frame, frames)):
        kept["range"] = frames
    if content.get("direction") in ("both", "forward", "backward"):
        kept["direction"] = content["direction"]
    if isinstance(content.get("force"), bool):
        kept["force"] = content["force"]
    if content.get("what") == CLEANING:
        kept["what"] = CLEANING
    if _is_count(content.get("masks")):
        kept["masks"] = content["masks"]
    return kept


def _is_scope(item: object) -> bool:
    return (
        isinstance(item, list)
        and len(item) == 2
        and type(item[0]) is int
        and 1 <= item[0] <= MAX_INSTANCE
        and isinstance(item[1], str)
        and is_region(item[1])
    )


def _is_frame(item: object) -> bool:
    return type(item) is int and 0 <= item <= MAX_FRAMES


def _is_count(item: object) -> bool:
    return type(item) is int and 0 <= item < 1 << 53


def _listed(scopes: Iterable[Scope]) -> list[list[int | str]]:
    return [[scope.instance, scope.region] for scope in scopes]


def _time() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _text(value: object) -> str:
    """Return a short text without control characters, empty for anything else."""
    if not isinstance(value, str) or not value.isprintable():
        return ""
    return value[:_LONGEST]


def _described(engine: Engine) -> dict[str, Any]:
    """Return what an engine says of itself; one need not say more than its name."""
    said: object = None
    describe = getattr(engine, "describe", None)
    if callable(describe):
        # It is for the record alone: whatever goes wrong in it must not keep anybody from working.
        with contextlib.suppress(Exception):
            said = describe()
    told = dict(said) if isinstance(said, dict) else {}
    versions = told.get("versions")
    ours = {"sam2_widget": _version(), "python": platform.python_version()}
    told["versions"] = {**ours, **(versions if isinstance(versions, dict) else {})}
    return {"device": str(engine.device), **told, "model": str(engine.name)}


def _version() -> str:
    try:
        return version("sam2-widget")
    except PackageNotFoundError:
        return "unknown"
