"""What people look at, through the session: overlay, video, plot, JSON; and an imported project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.projects import open_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.session import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        session.add_point(0, 40, 30)
        session.track().wait()
        yield session


def test_an_overlay_tints_the_mask_and_leaves_the_rest(session: Session) -> None:
    plain, drawn = session.video[4], session.overlay(4, points=False)
    mask = session.masks[1, "overall"][4]
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5))).astype(bool)
    outer = ~cv2.dilate(mask.astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert (drawn[inner] != plain[inner]).any(axis=-1).all()
    assert np.array_equal(drawn[outer], plain[outer])


def test_the_overlay_video_has_every_frame_and_tells_how_far_it_is(
    session: Session, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    path = session.export_video(
        tmp_path / "overlay.mp4", on_progress=lambda done, total: told.append((done, total))
    )
    capture = cv2.VideoCapture(str(path))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == len(session.video)
    assert told[-1] == (len(session.video), len(session.video))


def test_the_plot_shows_every_scope(session: Session) -> None:
    session.add_point(0, 20, 20, region="shaft")
    figure = session.plot()
    assert len(figure.axes) == 4
    assert all(len(axes.lines) >= 2 for axes in figure.axes)


def test_the_json_holds_the_prompts_and_the_original_shape_of_a_scope(session: Session) -> None:
    session.add_point(0, 60, 30, label=0)
    assert session.export_json((1, "overall")) == {
        "video_id": session.name,
        "instance_id": 1,
        "region": "overall",
        "num_frames": len(session.video),
        "annotations": {"0": {"pos": [{"x": 40, "y": 30}], "neg": [{"x": 60, "y": 30}]}},
    }
    everything = session.export_json()
    assert everything["version"] == 1
    assert "overall" in str(everything)
