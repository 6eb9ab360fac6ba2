"""What made the masks: written for each run, read back whole, and hostile lines left out."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import torch

from sam2_widget import checksums
from sam2_widget.checksums import sha256
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ModelError, ProjectError
from sam2_widget.models import nano
from sam2_widget.provenance import MAX_BYTES, checked, read_runs
from sam2_widget.sample import SAMPLE_CLICKS, sample_clip
from sam2_widget.session import Session
from tests.projects import PATIENCE, hashed, open_project, settle

if TYPE_CHECKING:
    from pathlib import Path

NANO = nano()
DISC = SAMPLE_CLICKS["disc"]


def nano_hash() -> str:
    return hashlib.sha256(NANO.checkpoint.read_bytes()).hexdigest()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_bytes().splitlines()]


def engine_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "project.json").read_bytes())
    return content.get("engine", {})  # type: ignore[no-any-return]


# What is written


def test_a_project_says_what_makes_its_masks_and_each_run_what_made_its_own(
    tmp_path: Path,
) -> None:
    clip = sample_clip(tmp_path / "sample.mp4")
    expected = {
        "model": "nano",
        "config": "nano.yaml",
        "device": "cpu",
        "precision": "float32",
        "batch_objects": "auto",
        "batched": False,
        "fill_hole_area": 0,
        "min_mask_region_area": 0,
        "checkpoint": {
            "file": "nano.safetensors",
            "size": NANO.checkpoint.stat().st_size,
            "sha256": nano_hash(),
        },
        "versions": {
            "sam2_widget": version("sam2-widget"),
            "python": platform.python_version(),
            "sam2": version("sam2"),
            "torch": str(torch.__version__),
        },
    }
    with Session(
        clip, output_dir=tmp_path, model="nano", device="cpu", frame_step=12
    ) as session:  # fmt: skip
        session.video.wait()
        session.add_point(0, *DISC)
        hashed(session)
        assert engine_of(session.folder) == expected
        session.track(stop=3).wait()
        session.model = FakeEngine()
        session.track([(1, "overall")], direction="forward").wait()
        table = session.to_dataframe()
        first, second = table["run"][1], table["run"][4]
        assert table["run"].tolist() == ["", first, first, second, second]
        told = session.provenance(first)
        assert told.pop("started").endswith("Z")
        assert told == {
            "run": first,
            **expected,
            "scopes": [[1, "overall"]],
            "range": [0, 3],
            "direction": "both",
            "force": False,
        }
        assert session.provenance(second)["model"] == "fake"
        now = session.provenance()
        assert (now["model"], "checkpoint" in now) == ("fake", False)
        assert [run["run"] for run in now["runs"]] == [first, second]
        with pytest.raises(ModelError, match="Nothing is known of a run 'gone'"):
            session.provenance("gone")
        exported = session.export_json()
        assert (exported["engine"], exported["runs"]) == (engine_of(session.folder), now["runs"])
        assert exported["scopes"][0]["records"][1]["run"] == first
        path = tmp_path / "export.json"
        path.write_text(json.dumps(exported))
        session.load(path)
    # Nothing of this machine's folders is in what travels with a project.
    text = (session.folder / "runs.jsonl").read_text() + (
        session.folder / "project.json"
    ).read_text()
    assert str(NANO.checkpoint.parent) not in text
    with open_project(tmp_path / "another", engine=FakeEngine()) as other:
        assert other.provenance()["runs"] == []
    assert list(read_runs(session.folder)) == [first, second]


def test_a_run_that_finds_nothing_to_do_leaves_no_line(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        session.track().wait()
        assert len(lines(session.folder)) == 1


def test_the_hash_comes_later_and_completes_the_lines_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slow(path: Path) -> str:
        assert gate.wait(PATIENCE)
        return sha256(path)

    monkeypatch.setattr("sam2_widget.provenance.sha256", slow)
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")

    class Telling(FakeEngine):
        def describe(self) -> dict[str, Any]:
            return {"checkpoint": str(file), "precision": "bfloat16"}

    with open_project(tmp_path, engine=Telling()) as session:  # type: ignore[arg-type]
        session.add_point(0, 20, 20)
        session.track().wait()
        ((run, told),) = read_runs(session.folder).items()
        assert told["checkpoint"] == {"file": "weights.pt", "size": 7, "sha256": ""}
        # The line is completed although another engine is in use by then.
        session.model = FakeEngine()
        gate.set()
        hashed(session)
        assert len(lines(session.folder)) == 2
        ((again, told),) = read_runs(session.folder).items()
        assert again == run
        assert told["checkpoint"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
        assert (told["precision"], told["model"]) == ("bfloat16", "fake")
        assert "checkpoint" not in engine_of(session.folder)


@pytest.mark.parametrize(
    "said",
    [
        ValueError("no"), None, 5, [], {"model": 7, "versions": "new", "checkpoint": 5},
        {"device": "a\nb", "checkpoint": "/nowhere/at all.pt", "precision": "x" * 10_000},
        {"versions": {str(n): "1" for n in range(1000)}, "other": object()},
    ],
    # Its own words would be long, and other ones in each process.
    ids=["error", "None", "number", "list", "wrong kinds", "hostile texts", "too much"],
)  # fmt: skip
def test_an_engine_may_say_anything_of_itself(tmp_path: Path, said: object) -> None:
    class Odd(FakeEngine):
        def describe(self) -> object:
            if isinstance(said, Exception):
                raise said
            return said

    with open_project(tmp_path, engine=Odd()) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        (line,) = lines(session.folder)
        assert line["model"] == "fake"
        assert len(json.dumps(line)) < 2000
        assert session.provenance()["versions"]["python"] == platform.python_version()
    assert checked(line) == {key: line[key] for key in checked(line)}


def test_a_project_held_elsewhere_is_not_written_to(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
    (tmp_path / "clip" / "project.json").chmod(0o400)
    before = (tmp_path / "clip" / "project.json").read_bytes()
    from sam2_widget.locking import ProjectLock

    lock = ProjectLock(tmp_path / "clip" / ".lock")
    assert lock.try_again()
    try:
        new = FakeEngine()
        new.name = "new"
        with Session(
            open_video(10), name="clip", output_dir=tmp_path, model=new
        ) as reader:  # fmt: skip
            settle(reader)
            assert reader.read_only
            assert len(reader.provenance()["runs"]) == 1
            assert reader.provenance()["model"] == "new"
    finally:
        lock.release()
    assert (tmp_path / "clip" / "project.json").read_bytes() == before


def open_video(count: int) -> Any:
    from tests.clips import numbered_frames

    return numbered_frames(count)


# What is read


GOOD = {
    "run": "a1b2c3d4",
    "started": "2026-01-01T00:00:00Z",
    "model": "nano",
    "scopes": [[1, "overall"]],
    "range": [0, 9],
    "direction": "both",
    "force": True,
}


def written(folder: Path, *records: object) -> dict[str, dict[str, Any]]:
    text = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in records)
    (folder / "runs.jsonl").write_text(text, "utf-8")
    return read_runs(folder)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_runs(tmp_path) == {}
    assert written(tmp_path, GOOD) == {"a1b2c3d4": GOOD}


def test_a_torn_last_line_is_left_out_and_the_next_run_begins_a_line_of_its_own(
    tmp_path: Path,
) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        (run,) = read_runs(session.folder)
    path = tmp_path / "clip" / "runs.jsonl"
    path.write_bytes(path.read_bytes() + b'{"run":"dead","mod')
    with open_project(tmp_path) as session:
        assert [told["run"] for told in session.provenance()["runs"]] == [run]
        session.track(force=True).wait()
        assert len(session.provenance()["runs"]) == 2


def test_the_last_line_of_a_run_counts(tmp_path: Path) -> None:
    told = written(tmp_path, GOOD, {**GOOD, "run": "other"}, {**GOOD, "model": "late"})
    assert [(run, each["model"]) for run, each in told.items()] == [
        ("a1b2c3d4", "late"),
        ("other", "nano"),
    ]


@pytest.mark.parametrize(
    "line",
    ["", "null", "[]", "5", "{", "[" * 100_000, {}, {"run": 5}, {"run": ""}, {"run": "../x"},
     {"run": "a" * 33}, {"run": ["a"]}, {**GOOD, "run": "a b"}, "\x00\xff"],
    ids=lambda line: repr(line)[:30],
)  # fmt: skip
def test_a_line_that_is_no_run_is_left_out(tmp_path: Path, line: object) -> None:
    assert list(written(tmp_path, line, GOOD)) == ["a1b2c3d4"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", 5), ("model", "a\nb"), ("model", "\x1b[31m"), ("started", []),
        ("scopes", "all"), ("range", [0]), ("range", [-1, 5]), ("range", [0, 10**30]),
        ("range", [True, 2]), ("direction", "up"), ("direction", ["both"]), ("force", 1),
        ("fill_hole_area", -1), ("fill_hole_area", 2.5), ("min_mask_region_area", 10**30),
        ("masks", True), ("what", "evil"), ("what", ["clean"]), ("batch_objects", "all"),
        ("batch_objects", 1), ("batched", "yes"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_left_out(tmp_path: Path, key: str, value: object) -> None:
    (told,) = written(tmp_path, {**GOOD, key: value, "__class__": "evil"}).values()
    assert told == {k: v for k, v in GOOD.items() if k != key}


@pytest.mark.parametrize(
    "scope", [[0, "overall"], [1, "../x"], [1], [True, "a"], ["1", "a"], None, [1, 5], [1, "a", 2]]
)
def test_a_scope_that_cannot_be_is_left_out(tmp_path: Path, scope: object) -> None:
    (told,) = written(tmp_path, {**GOOD, "scopes": [scope, [2, "tip"]]}).values()
    assert told["scopes"] == [[2, "tip"]]


@pytest.mark.parametrize(
    "checkpoint", [5, {}, {"file": 5}, {"file": "a\nb"}, {"file": "a", "size": -1, "sha256": "x"}]
)
def test_a_checkpoint_is_checked(checkpoint: object) -> None:
    told = checked({"checkpoint": checkpoint}).get("checkpoint")
    assert told in (None, {"file": "a", "size": 0, "sha256": ""})


def test_what_an_engine_finds_out_while_it_tracks_is_told_from_then_on(tmp_path: Path) -> None:
    class Finding(FakeEngine):
        found: dict[str, Any] = {}  # noqa: RUF012

        def describe(self) -> dict[str, Any]:
            return {"batch_objects": "auto", "precision": "float16", **self.found}

    engine = Finding()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        engine.found = {"batched": True, "precision": "another"}
        session.track(force=True).wait()
        first, second = session.provenance()["runs"]
        assert (first["batch_objects"], "batched" in first) == ("auto", False)
        assert (second["batched"], second["precision"]) == (True, "float16")
        assert session.provenance()["batched"] is True


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "runs.jsonl").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ProjectError, match="too large to be a list of runs; move it away"):
        read_runs(tmp_path)


def test_a_project_of_before_opens_and_what_its_json_says_of_an_engine_is_checked(
    tmp_path: Path,
) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
    path = tmp_path / "clip" / "project.json"
    content = json.loads(path.read_bytes())
    for engine in (None, 5, [], {"model": ["x"], "evil": 1}):
        content["engine"] = engine
        path.write_text(json.dumps(content))
        with open_project(tmp_path) as session:
            assert session.provenance()["model"] == "fake"
    del content["engine"]
    path.write_text(json.dumps(content))
    with open_project(tmp_path) as session:
        assert session.provenance()["runs"] == []


# Hashes of files


def test_a_file_is_hashed_once_for_each_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"one")
    read: list[None] = []
    original = hashlib.sha256

    def counting() -> Any:
        read.append(None)
        return original()

    monkeypatch.setattr(checksums.hashlib, "sha256", counting)
    assert sha256(path) == sha256(path) == original(b"one").hexdigest()
    assert len(read) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert sha256(path) == original(b"two").hexdigest()
    assert len(read) == 2
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        sha256(path)
