"""Another model on an open session: what stays, what the new one makes, and what goes wrong."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sam2_widget.annotations import Scope
from sam2_widget.annotator import Annotator
from sam2_widget.checksums import sha256
from sam2_widget.choosing import GIB, choose
from sam2_widget.engine_slot import EngineSlot
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.errors import ModelError, NotSwitchedError, NoVideoError
from sam2_widget.model_names import official_name
from sam2_widget.models import OFFICIAL, ModelSpec, nano
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session
from tests.clips import numbered_frames
from tests.projects import PATIENCE, GatedEngine, hashed, open_project, settle, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NANO = nano()
DISC, BOX = SAMPLE_CLICKS["disc"], SAMPLE_CLICKS["box"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return weights of another model: nano's, each changed a little at random."""
    torch.manual_seed(5)
    weights = load_file(NANO.checkpoint)
    changed = {
        name: (value * (1 + 0.03 * torch.randn(value.shape))).to(value.dtype)
        for name, value in weights.items()
    }
    path = tmp_path_factory.mktemp("other") / "other.safetensors"
    save_file(changed, path)
    return path


def open_clip(clip: Path, folder: Path, **arguments: Any) -> Session:
    """Open every sixth frame of the sample clip: 10 frames."""
    given = {"model": "nano", "device": "cpu", "frame_step": 6, **arguments}
    session = Session(clip, output_dir=folder, **given)
    session.video.wait()
    settle(session)
    return session


@pytest.fixture
def session(clip: Path, tmp_path: Path) -> Iterator[Session]:
    with open_clip(clip, tmp_path) as session:
        yield session


def switch(session: Session, other: Path) -> None:
    session.set_model(other, NANO.config)


def notices(session: Session) -> list[str]:
    return [notice.text for notice in session.live.notices]


def made_by(session: Session) -> dict[int, str]:
    table = session.to_dataframe()
    return dict(zip(table["frame"], table["model"], strict=True))


# What stays, and what is new


def test_prompts_and_masks_stay_and_the_next_click_is_the_new_model_s_own(
    session: Session, other: Path, clip: Path, tmp_path: Path
) -> None:
    session.add_point(0, *DISC)
    session.track(stop=4).wait()
    before = np.asarray(session.masks[1, "overall"])
    session.model = "nano"
    assert session.model == "nano"
    switch(session, other)
    assert session.model == "other"
    assert np.array_equal(np.asarray(session.masks[1, "overall"]), before)
    assert session.points[1, "overall"][0].tolist() == [[*DISC, 1]]
    assert not session.to_dataframe()["stale"].any()

    mask = session.add_point(5, *BOX, instance=2)
    with open_clip(clip, tmp_path / "new", model=other, config=NANO.config) as new:
        assert np.array_equal(new.add_point(5, *BOX, instance=2), mask)
    with open_clip(clip, tmp_path / "old") as old:
        assert not np.array_equal(old.add_point(5, *BOX, instance=2), mask)
    table = session.to_dataframe().set_index(["instance", "frame"])["model"]
    assert table.to_dict() == {(1, f): "nano" for f in range(4)} | {(2, 5): "other"}
    # More points on a frame are all given to the new model, in their order.
    more = session.add_point(0, *BOX, label=0)
    with open_clip(clip, tmp_path / "both", model=other, config=NANO.config) as new:
        new.add_point(0, *DISC)
        assert np.array_equal(new.add_point(0, *BOX, label=0), more)


def test_a_correction_of_what_another_model_tracked_starts_from_the_saved_mask(
    session: Session, other: Path, clip: Path, tmp_path: Path
) -> None:
    session.add_point(0, *DISC)
    session.track(stop=6).wait()
    copies = tmp_path / "copies"
    shutil.copytree(session.folder, copies / session.name)
    switch(session, other)
    corrected = session.add_point(3, *BOX)
    # Reopened, a project has nothing but its files: the result is the same.
    with open_clip(clip, copies, model=other, config=NANO.config) as again:
        assert np.array_equal(again.add_point(3, *BOX), corrected)
        assert np.array_equal(again.track().wait() and again.masks[1, "overall"], tracked(session))


def tracked(session: Session) -> np.ndarray[Any, Any]:
    session.track().wait()
    return np.asarray(session.masks[1, "overall"])


def test_an_engine_that_is_used_again_has_forgotten_what_it_knew_of_past_frames(
    clip: Path, tmp_path: Path
) -> None:
    engine = Sam2Engine("nano", NANO.config, str(NANO.checkpoint), "cpu")
    with open_clip(clip, tmp_path, model=engine) as session:
        session.add_point(0, *DISC)
        session.track(stop=5).wait()
        assert len(engine.archive) == 4
        shutil.copytree(session.folder, tmp_path / "copies" / session.name)
        session.set_model(FakeEngine())
        session.set_model(engine)
        assert len(engine.archive) == 0
        corrected = session.add_point(3, *BOX)
    engine.close()
    with open_clip(clip, tmp_path / "copies") as again:
        assert np.array_equal(again.add_point(3, *BOX), corrected)


def test_undo_and_redo_across_a_switch_bring_back_the_bytes(session: Session, other: Path) -> None:
    first = session.add_point(0, *DISC)
    second = session.add_point(0, *BOX)
    switch(session, other)
    third = session.add_point(0, DISC[0] + 4, DISC[1])
    for mask in (second, first):
        session.undo()
        assert np.array_equal(session.masks[1, "overall"][0], mask)
        assert made_by(session) == {0: "nano"}
    session.redo()
    session.redo()
    assert np.array_equal(session.masks[1, "overall"][0], third)
    assert made_by(session) == {0: "other"}


def test_a_track_that_the_switch_ended_is_resumed_by_the_new_model(
    session: Session, other: Path
) -> None:
    session.add_point(0, *DISC)
    job = session.track()
    next(iter(job))
    switch(session, other)
    with pytest.raises(ModelError, match="The model was switched; track again"):
        job.wait(PATIENCE)
    assert notices(session) == [
        "Tracking instance 1, overall ended because the model is switched to other; "
        "Track goes on with what is left."
    ]
    done = made_by(session)
    assert 2 <= len(done) < 10
    assert set(done.values()) == {"nano"}
    before = {frame: session.masks[1, "overall"][frame] for frame in done}
    session.track().wait()
    assert made_by(session) == {f: "nano" if f in done else "other" for f in range(10)}
    assert all(np.array_equal(session.masks[1, "overall"][f], m) for f, m in before.items())
    assert not session.to_dataframe()["stale"].any()


def test_a_click_that_waits_is_answered_by_the_new_model(tmp_path: Path) -> None:
    old, new = FakeEngine(), FakeEngine(radius=5)
    new.name = "new"
    with open_project(tmp_path, engine=old) as session:
        gate = threading.Event()
        session.live.worker.submit(gate.wait)
        switched = session.set_model_soon(new)
        click = session.add_point_soon(0, 40, 30, 1, Scope(1, "overall"), lambda: None)
        assert session.live.status.status == "waiting"
        gate.set()
        assert click.result(PATIENCE).sum() < 100
        assert switched.done()
        assert made_by(session) == {0: "new"}
        assert session.model == "new"


def test_the_model_in_use_is_not_loaded_again(session: Session) -> None:
    engine = session.live.engine
    for again in ("nano", NANO.checkpoint):
        session.set_model(again, NANO.config if again != "nano" else None)
    session.set_model("nano", device="cpu")
    # Without checkpoints, that is what auto comes to.
    session.model = "auto"
    assert session.live.engine is engine


def test_weights_that_were_trained_on_are_loaded_anew(
    session: Session, other: Path, clip: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.safetensors"
    shutil.copyfile(NANO.checkpoint, mine)
    switch(session, mine)
    mask = session.add_point(0, *DISC)
    hashed(session)
    first = sha256(mine)
    shutil.copyfile(other, mine)
    assert session.provenance()["checkpoint"]["sha256"] == first
    engine = session.live.engine
    switch(session, mine)
    assert session.live.engine is not engine
    assert session.provenance()["checkpoint"]["sha256"] == sha256(mine) != first
    session.clear_frame(0)
    assert not np.array_equal(session.add_point(0, *DISC), mask)
    engine = session.live.engine
    switch(session, mine)
    assert session.live.engine is engine
    # While they are being written, what is in memory stays in use.
    mine.write_bytes(mine.read_bytes()[:1000])
    with open_clip(clip, session.folder.parent, model=mine, config=NANO.config) as second:
        assert second.live.engine is engine
    with pytest.raises(NotSwitchedError):
        switch(session, mine)
    assert session.live.engine is engine
    assert session.add_point(1, *DISC).any()


def test_the_old_model_is_gone_before_the_new_one_is_loaded(
    session: Session, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []

    def note(name: str) -> None:
        original = getattr(Sam2Engine, name)

        def act(self: Sam2Engine, *arguments: Any) -> None:
            done.append((name, self.name))
            original(self, *arguments)

        monkeypatch.setattr(Sam2Engine, name, act)

    note("open")
    note("close")
    switch(session, other)
    assert done == [("close", "nano"), ("open", "other")]


def test_the_annotator_switches_like_its_session(other: Path, clip: Path, tmp_path: Path) -> None:
    ann = Annotator(clip, output_dir=tmp_path, frame_step=6, model="nano", device="cpu")
    try:
        assert ann.session is not None
        settle(ann.session)
        assert ann.model == "nano"
        ann.set_model(other, NANO.config)
        assert (ann.model, ann.session.model) == ("other", "other")
        ann.model = "nano"
        assert ann.session.model == "nano"
    finally:
        ann.close()
    with pytest.raises(NoVideoError):
        Annotator().model = "nano"


# What goes wrong


@pytest.mark.parametrize(
    ("model", "says"),
    [("sam3", "There is no model 'sam3'"), ("sam2.1_hiera_b+", "sam2.1_hiera_base_plus"),
     ("gone.pt", "does not exist")],
)  # fmt: skip
def test_a_model_that_is_not_there_ends_nothing(tmp_path: Path, model: str, says: str) -> None:
    gate = GatedEngine()
    with open_project(tmp_path, engine=gate) as session:
        session.add_point(0, 20, 20)
        job = session.track()
        assert gate.arrived()
        with pytest.raises(ModelError, match=says):
            session.model = model
        assert session.model == "fake"
        gate.open_gate()
        assert job.wait(PATIENCE)
        assert len(made_by(session)) == 10


def damaged(folder: Path) -> Path:
    path = folder / "damaged.safetensors"
    path.write_bytes(NANO.checkpoint.read_bytes()[:-1000])
    return path


def test_after_a_damaged_file_the_old_model_is_in_use_again(
    session: Session, clip: Path, tmp_path: Path
) -> None:
    first = session.add_point(0, *DISC)
    path = damaged(tmp_path)
    with pytest.raises(
        ModelError, match=r"^damaged could not be loaded, nano stays in use: .*cannot be read"
    ):
        session.set_model(path, NANO.config)
    status = session.live.status
    assert (session.model, status.status, status.device) == ("nano", "ready", "cpu")
    second = session.add_point(0, *BOX)
    with open_clip(clip, tmp_path / "plain") as plain:
        assert np.array_equal(plain.add_point(0, *DISC), first)
        assert np.array_equal(plain.add_point(0, *BOX), second)
    # By a second session nobody waits for it: the user is told.
    with open_clip(clip, tmp_path, model=path, config=NANO.config) as again:
        assert again.model == "nano"
        until(again, lambda: len(notices(again)) == 1)
        assert notices(again)[0].startswith("damaged could not be loaded, nano stays in use")
        assert again.add_point(1, *DISC).any()


def test_a_device_that_is_not_there_leaves_the_model_where_it_is(session: Session) -> None:
    with pytest.raises(ModelError, match="nano stays in use: The device 'cuda:7' cannot be used"):
        session.set_model("nano", device="cuda:7")
    assert session.live.status.device == "cpu"
    assert session.add_point(0, *DISC).any()
    with pytest.raises(ModelError, match="leave device= out"):
        session.set_model(FakeEngine(), device="cpu")


def test_an_engine_of_one_s_own_stays_as_it_was_when_another_fails(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        with pytest.raises(ModelError, match="fake stays in use"):
            session.set_model(damaged(tmp_path), NANO.config)
        assert session.live.engine is engine
        assert ("close",) not in engine.calls
        assert session.add_point(0, 20, 20).any()


def test_when_the_old_model_is_gone_too_the_next_one_mends_it(
    clip: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.safetensors"
    shutil.copy(other, path)
    with open_clip(clip, tmp_path, model=path, config=NANO.config) as session:
        path.unlink()
        with pytest.raises(NotSwitchedError, match="mine stays in use"):
            session.set_model(damaged(tmp_path), NANO.config)
        assert session.add_point(0, *DISC).any()
        # And where it goes in between.
        monkeypatch.setattr(EngineSlot, "is_as_on_disk", lambda _: True)
        with pytest.raises(ModelError, match="does not exist"):
            session.set_model(damaged(tmp_path), NANO.config)
        assert session.live.status.status == "failed"
        with pytest.raises(ModelError, match="does not exist"):
            session.add_point(0, *DISC)
        session.model = "nano"
        assert session.add_point(0, *DISC).any()


def test_switching_to_and_fro_by_many_threads_ends_with_one_of_them(tmp_path: Path) -> None:
    engines = [FakeEngine(radius=radius) for radius in (5, 10, 15)]
    for engine in engines:
        engine.name = f"fake {engine.radius}"
    with open_project(tmp_path, engine=engines[0]) as session:

        def work(engine: FakeEngine) -> None:
            for frame in range(5):
                session.set_model(engine)
                session.add_point(frame, 40, 30, instance=int(engine.radius))

        threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert session.model in {engine.name for engine in engines}
        assert session.live.engine in engines
        assert len(session.to_dataframe()) == 15


# Names, and what auto takes


@pytest.mark.parametrize("config", OFFICIAL.values())
def test_the_short_names_of_the_configs_are_names(config: str) -> None:
    short = config.split("/")[-1].removesuffix(".yaml")
    assert OFFICIAL[f"{official_name(short)}.pt"] == config


@pytest.mark.parametrize("name", ["nano", "auto", "sam2.1_hiera_x", "sam2.1_hiera_large", "", "t"])
def test_all_other_names_are_left_alone(name: str) -> None:
    assert official_name(name) == name


def specs(*sizes: str, path: Path) -> list[ModelSpec]:
    return [ModelSpec(f"sam2.1_hiera_{size}", "", path) for size in sizes]


ALL = ("large", "base_plus", "small", "tiny")


@pytest.mark.parametrize(
    ("found", "device", "free", "expected"),
    [
        (ALL, "cpu", None, "tiny"),
        (("large", "small"), "cpu", None, "small"),
        (ALL, "mps", None, "small"),
        (("large", "tiny"), "mps", None, "tiny"),
        (("large", "base_plus"), "mps", None, "base_plus"),
        (ALL, "cuda", 15 * GIB, "large"),
        (ALL, "cuda", 6 * GIB, "base_plus"),
        (ALL, "cuda", 4 * GIB, "small"),
        (ALL, "cuda", 1 * GIB, "tiny"),
        (("large", "tiny"), "cuda", 6 * GIB, "tiny"),
        (("large", "base_plus"), "cuda", 1 * GIB, "base_plus"),
    ],
)
def test_auto_takes_what_suits_the_device(
    found: tuple[str, ...], device: str, free: int | None, expected: str, tmp_path: Path
) -> None:
    spec, reason = choose(specs(*found, path=tmp_path), device, free)
    assert spec.name == f"sam2.1_hiera_{expected}"
    assert reason.startswith(f"{spec.name}, of {len(found)} checkpoints found: ")


def test_where_there_is_nothing_to_choose_there_is_no_reason(tmp_path: Path) -> None:
    (spec,) = specs("large", path=tmp_path)
    assert choose([spec], "cpu", None) == (spec, "")


def test_the_reason_is_logged_and_kept(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Small real models under the names of two sizes.
    found = [
        ModelSpec(f"sam2.1_hiera_{size}", NANO.config, NANO.checkpoint)
        for size in ("large", "tiny")
    ]
    monkeypatch.setattr("sam2_widget.models.resolve", lambda *_: found)
    with (
        caplog.at_level("INFO", "sam2_widget"),
        open_clip(clip, tmp_path, model="auto", device="cpu") as session,
    ):
        assert session.model == "sam2.1_hiera_tiny"
        reason = session.live.status.reason
        assert "of 2 checkpoints found: on a CPU only the smallest" in reason
        assert f"Model: {reason}" in caplog.text
        assert session.live.status.suits == "tiny"


def test_a_session_without_a_word_on_the_model_keeps_the_one_in_use(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        with Session(numbered_frames(10), name="clip", output_dir=tmp_path) as again:
            assert again.model == "fake"
        assert session.model == "fake"
