"""Cancelling a track of the real engine: it ends with the frame at hand, and then all is quiet."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import pytest

from sam2_widget.session import Session
from tests.reference import disc_centre, moving_discs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.engines.sam2 import Sam2Engine
    from sam2_widget.tracking import TrackJob

COUNT = 24
FRAMES = 6
"""Frames after which the run is cancelled."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    discs = moving_discs(COUNT)
    with Session(discs, name="discs", output_dir=tmp_path, model="nano", device="cpu") as session:
        session.video.wait()
        yield session


def click(session: Session, objects: int) -> None:
    """Click as many objects, some of them twice the same disc."""
    for instance in range(1, objects + 1):
        session.add_point(0, *disc_centre(instance % 3, 0), instance=instance)


def engine(session: Session) -> Sam2Engine:
    session.live.worker.run(lambda: None)
    return session.live.engine  # type: ignore[return-value]


def masks_on_disk(session: Session) -> dict[str, tuple[int, int]]:
    """Return what tells whether a mask of the project was written."""
    paths = session.folder.glob("instance*/masks_*/*")
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in paths}


def cancel_while_running(session: Session, job: TrackJob) -> tuple[int, float]:
    """Cancel after some frames; return frames saved since, and the wait in times of a frame."""
    times = [time.monotonic()]
    for number, _ in enumerate(job, start=1):
        times.append(time.monotonic())
        if number == FRAMES:
            break
    job.cancel()
    before = job.progress[0]
    asked = time.monotonic()
    assert job.wait(60)
    waited = time.monotonic() - asked
    usual = median(b - a for a, b in pairwise(times))
    assert job.cancelled
    return job.progress[0] - before, waited / usual


@pytest.mark.parametrize(
    ("objects", "visited"),
    [(1, False), (8, False), (8, True)],
    ids=["1 object", "8 objects", "8 objects on visited frames"],
)
def test_a_cancelled_track_ends_within_two_frames(
    session: Session, objects: int, visited: bool
) -> None:
    click(session, objects)
    if visited:
        session.track([(1, "overall")]).wait()
        session.add_point(0, 100, 20, 0)
    encoder = engine(session).encoder
    encoded = encoder.encoded
    job = session.track()
    after, waited = cancel_while_running(session, job)
    # The first counts; the second says by how much, where nothing else takes the processor.
    print(f"{objects} objects: {after} frames after the cancel, {waited:.2f} times a frame")
    assert after <= 2
    done = job.progress[0]
    assert FRAMES <= done < COUNT - 1
    assert visited or encoder.encoded >= encoded + done
    left = session.track()
    left.cancel()
    assert left.progress[1] == COUNT - 1 - done


def test_nothing_is_saved_once_the_wait_for_a_cancelled_track_is_over(session: Session) -> None:
    click(session, 8)
    job = session.track()
    for number, _ in enumerate(job, start=1):
        if number == FRAMES:
            job.cancel()
    assert job.wait(60)
    saved, table = masks_on_disk(session), session.to_dataframe()
    done = job.progress[0]
    assert len(saved) == 8 * (done + 1)
    assert FRAMES <= done < COUNT - 1
    # Whatever was still on its way would come now.
    session.live.worker.run(lambda: None)
    session.live.saver.flush()
    engine(session).encoder.close()
    assert masks_on_disk(session) == saved
    assert session.to_dataframe().equals(table)
    assert job.progress[0] == done


def test_a_cancel_before_the_first_frame_tracks_nothing(session: Session) -> None:
    click(session, 1)
    first, second = session.track(), session.track(force=True)
    second.cancel()
    assert second.wait(60)
    first.wait(60)
    assert second.progress[0] == 0
    assert not session.is_stale(COUNT - 1)
