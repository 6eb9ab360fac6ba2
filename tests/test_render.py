"""Overlays as pictures and as a video: colours, outlines, markers, and files that are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import (
    FrameIndexError,
    PromptError,
    SaveError,
    UnknownRegionError,
    VideoError,
)
from sam2_widget.keypoint_marks import draw_keypoints
from sam2_widget.keypoints import Keypoint
from sam2_widget.render import export_video, frame_overlay, overlay
from sam2_widget.session import Session
from tests.clips import HEIGHT, WIDTH, number_of
from tests.projects import open_project

if TYPE_CHECKING:
    from pathlib import Path

Pixels = npt.NDArray[np.uint8]
GREEN = "#00ff00"


def grey(value: int = 100, height: int = 40, width: int = 60) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def block(height: int = 40, width: int = 60) -> npt.NDArray[np.bool_]:
    mask = np.zeros((height, width), bool)
    mask[10:30, 20:40] = True
    return mask


def read_all(path: Path) -> tuple[list[Pixels], float]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        there, image = capture.read()
        if not there:
            break
        frames.append(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return frames, rate


# One picture


def test_a_mask_is_tinted_inside_and_the_rest_stays() -> None:
    picture = grey()
    drawn = overlay(picture, [(block(), GREEN)])
    assert drawn[20, 30].tolist() == [55, 170, 55]  # 100 * 0.55, and 255 * 0.45 more in green
    assert np.array_equal(drawn[:8], picture[:8])
    assert (picture == 100).all()


def test_the_outline_is_a_pixel_and_a_half_wide_half_of_it_outside() -> None:
    across = overlay(grey(0), [(block(), GREEN)], opacity=0)[20, :, 1]
    assert np.flatnonzero(across).tolist() == [19, 20, 39, 40]
    assert across[across > 0].tolist() == [191] * 4  # three quarters of 255
    assert across.sum() / 255 == pytest.approx(3, abs=0.01)


def test_the_edge_of_the_picture_has_an_outline_too() -> None:
    mask = np.ones((40, 60), bool)
    drawn = overlay(grey(0), [(mask, GREEN)], opacity=0)
    assert drawn[0, 30, 1] == drawn[39, 30, 1] == drawn[20, 0, 1] == drawn[20, 59, 1] == 191
    assert drawn[20, 30, 1] == 0


def test_later_masks_lie_on_top() -> None:
    both = overlay(grey(0), [(block(), "#ff0000"), (block(), "#0000ff")], opacity=1)
    assert both[20, 30].tolist() == [0, 0, 255]


def test_an_empty_mask_draws_nothing() -> None:
    assert np.array_equal(overlay(grey(), [(np.zeros((40, 60), bool), GREEN)]), grey())


def test_markers_differ_by_shape_and_sign() -> None:
    positive = overlay(grey(), [], [(30, 20, 1)]).astype(int)
    negative = overlay(grey(), [], [(30, 20, 0)]).astype(int)
    for drawn in (positive, negative):
        assert drawn[20, 32].min() > 230  # both have the level bar
    assert positive[17, 30].min() > 230  # only a plus has the upright one
    assert negative[17, 30, 0] > negative[17, 30, 2]
    assert positive[24, 33, 2] > positive[24, 33, 0]
    # A disc reaches into the corner of its box, a diamond does not.
    assert (positive[25, 35] != 100).any()
    assert (negative[26, 37] == 100).all()


def test_a_marker_is_centred_on_its_point() -> None:
    for label in (0, 1):
        drawn = overlay(grey(), [], [(30, 20, label)])
        assert np.array_equal(drawn, drawn[::-1])
        assert np.array_equal(drawn, drawn[:, ::-1])


def test_markers_at_the_edge_are_cut_and_those_outside_left_out() -> None:
    corner = overlay(grey(), [], [(0, 0, 1), (59.99, 39.99, 0)])
    assert (corner[0, 0] != 100).any()
    assert (corner[-1, -1] != 100).any()
    outside = [(-1, 5, 1), (60, 5, 0), (1e30, 5, 1), (float("nan"), 5, 1)]
    assert np.array_equal(overlay(grey(), [], outside), grey())


@given(
    mask=arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    opacity=st.floats(0, 1),
    x=st.floats(),
    y=st.floats(),
)
def test_any_mask_and_point_can_be_drawn(
    mask: npt.NDArray[np.bool_], opacity: float, x: float, y: float
) -> None:
    picture = np.full((*mask.shape, 3), 90, np.uint8)
    drawn = overlay(picture, [(mask, "#102030")], [(x, y, 1), (y, x, 0)], opacity)
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8


@pytest.mark.parametrize(
    ("items", "opacity"),
    [
        ([(np.zeros((40, 61), bool), GREEN)], 0.5),
        ([(np.zeros((40, 60), np.uint8), GREEN)], 0.5),
        ([(block(), "green")], 0.5),
        ([(block(), "#00ff00;")], 0.5),
        ([], 1.5),
        ([], float("nan")),
    ],
)
def test_what_cannot_be_drawn_is_named(items: list[Any], opacity: float) -> None:
    with pytest.raises(PromptError, match=r"not|fit"):
        overlay(grey(), items, (), opacity)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_a_picture_of_another_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(VideoError, match="no picture"):
        overlay(np.zeros(shape, np.uint8), [])
    with pytest.raises(VideoError, match="float64"):
        overlay(np.zeros((4, 4, 3)), [])  # type: ignore[arg-type]


# A session


@pytest.fixture
def session(tmp_path: Path) -> Any:
    with open_project(tmp_path) as session:
        session.add_point(2, 30, 30)
        session.add_point(2, 70, 30, instance=2)
        session.track().wait()
        yield session


def test_a_frame_shows_all_masks_and_its_points(session: Session) -> None:
    plain = session.video[2].astype(int)
    drawn = frame_overlay(session, 2).astype(int)
    assert abs(drawn[30, 20] - plain[30, 20]).sum() > 30
    assert abs(drawn[30, 80] - plain[30, 80]).sum() > 30
    assert abs(drawn[2, 2] - plain[2, 2]).sum() == 0
    assert drawn[30, 31].min() > 230
    assert frame_overlay(session, 2, points=False)[30, 31].min() < 150
    assert np.array_equal(frame_overlay(session, -8), frame_overlay(session, 2))


def is_purple(pixel: npt.NDArray[Any]) -> bool:
    red, green, blue = pixel.astype(int)
    return bool(blue - green > 100 and red - green > 30)


def purple(picture: Pixels) -> int:
    """Return how many pixels have the colour of keypoints."""
    return sum(is_purple(pixel) for pixel in picture.reshape(-1, 3))


def test_keypoints_are_drawn_and_can_be_left_out(session: Session) -> None:
    plain = frame_overlay(session, 2)
    session.add_keypoint(2, 20, 50, "tip")
    session.add_keypoint(2, 60, 50, "base", instance=7)
    drawn = frame_overlay(session, 2)
    assert np.array_equal(drawn, session.overlay(2))
    assert is_purple(drawn[52, 23])
    assert is_purple(drawn[47, 57])
    assert drawn[50, 20].min() > 230  # the place itself is white
    assert np.array_equal(frame_overlay(session, 2, keypoints=False), plain)
    assert np.array_equal(session.overlay(2, keypoints=False), plain)
    assert np.array_equal(frame_overlay(session, 3), frame_overlay(session, 3, keypoints=False))
    one = frame_overlay(session, 2, [(1, "overall")])
    assert is_purple(one[52, 23])
    assert not is_purple(one[47, 57])


def test_an_occluded_keypoint_is_hollow(session: Session) -> None:
    session.add_keypoint(2, 20, 50, "tip")
    session.set_keypoint_visible(2, "tip", False)
    drawn = frame_overlay(session, 2)
    assert is_purple(drawn[50, 20])
    assert not is_purple(drawn[52, 23])
    assert is_purple(drawn[55, 25])


def test_the_skeleton_s_lines_are_dashed_where_an_end_is_occluded(session: Session) -> None:
    session.live.set_skeleton((("tip", "wrist"), ("wrist", "elbow"), ("tip", "not there")))
    for name, x in (("tip", 10), ("wrist", 50), ("elbow", 90)):
        session.add_keypoint(2, x, 55, name)
    session.add_keypoint(2, 80, 20, "tip", instance=2)  # no line goes from one to another
    between = np.s_[55:56, 60:80]
    whole = frame_overlay(session, 2)
    assert purple(whole[55:56, 20:40]) == purple(whole[between]) == 20
    assert purple(whole[28:48, 70:90]) == 0
    session.set_keypoint_visible(2, "elbow", False)
    dashed = frame_overlay(session, 2)
    assert purple(dashed[55:56, 20:40]) == 20
    assert 4 < purple(dashed[between]) < 16


def test_keypoints_of_no_frame_s_size_are_left_out(session: Session) -> None:
    session.live.set_skeleton((("a", "b"),))
    session.add_keypoint(2, 0, 0, "a")
    session.add_keypoint(2, 95.99, 63.99, "b")
    corner = frame_overlay(session, 2)
    assert is_purple(corner[0, 4])
    picture = corner[:40, :60].copy()
    before = picture.copy()
    draw_keypoints(picture, (Keypoint(60, 5, "a"), Keypoint(5, 1e9, "b")), (("a", "b"),))
    assert np.array_equal(picture, before)
    draw_keypoints(picture, (Keypoint(5, 5, "a"), Keypoint(5, 5, "b")), (("a", "b"),))
    assert not np.array_equal(picture, before)


def test_the_video_has_keypoints_also_of_instances_without_masks(
    session: Session, tmp_path: Path
) -> None:
    session.add_keypoint(4, 60, 50, "base", instance=7)
    frames, _ = read_all(session.export_video(tmp_path / "a.mp4"))
    assert purple(frames[4][40:60, 50:70]) > purple(frames[5][40:60, 50:70]) + 20


def test_scopes_and_colours_can_be_chosen(session: Session) -> None:
    scope = session.scopes[0]
    one = frame_overlay(session, 5, [(1, "overall")], colors={scope: "#ffffff"})
    assert np.array_equal(one[30, 76], session.video[5][30, 76])
    assert one[30, 33].min() > session.video[5][30, 33].max()


def test_stale_masks_are_paler(session: Session) -> None:
    fresh = frame_overlay(session, 5).astype(int)[30, 33]
    session.add_point(2, 31, 30)
    stale = frame_overlay(session, 5).astype(int)[30, 33]
    plain = session.video[5].astype(int)[30, 33]
    assert 0 < abs(stale - plain).sum() < abs(fresh - plain).sum()


def test_a_frame_or_scope_that_is_not_there_is_named(session: Session) -> None:
    with pytest.raises(FrameIndexError):
        frame_overlay(session, 10)
    with pytest.raises(UnknownRegionError):
        frame_overlay(session, 0, [(1, "tail")])


def test_the_video_holds_every_frame_once_with_its_masks(session: Session, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = export_video(
        session, tmp_path / "out" / "overlay.mp4", on_progress=lambda *done: told.append(done)
    )
    frames, rate = read_all(path)
    assert told == [(index + 1, 10) for index in range(10)]
    assert rate == pytest.approx(session.video.fps)
    assert [number_of(frame[:, :8]) for frame in frames] == list(range(10))
    for index, frame in enumerate(frames):
        expected = frame_overlay(session, index, points=False)
        assert abs(frame.astype(int) - expected).mean() < 6
    assert [file.name for file in path.parent.iterdir()] == ["overlay.mp4"]


def test_the_rate_and_the_scopes_can_be_chosen(session: Session, tmp_path: Path) -> None:
    path = export_video(session, tmp_path / "a.mp4", [(2, "overall")], fps=12.5)
    frames, rate = read_all(path)
    assert rate == pytest.approx(12.5)
    assert abs(frames[2].astype(int) - session.video[2])[30, 30].max() < 12


def test_an_export_that_is_stopped_leaves_the_file_before(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "videos" / "a.mp4"
    path.parent.mkdir()
    path.write_bytes(b"before")

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_video(session, path, on_progress=stop)
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]
    assert path.read_bytes() == b"before"


def test_a_file_that_is_not_whole_is_not_kept(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torn:
        """Loses frames and tells nobody, as OpenCV does on a full disk."""

        fourcc = staticmethod(cv2.VideoWriter.fourcc)

        def __init__(self, *arguments: Any) -> None:
            self.inner = whole(*arguments)
            self.isOpened, self.release = self.inner.isOpened, self.inner.release
            self.taken = 0

        def write(self, image: Pixels) -> None:
            self.taken += 1
            if self.taken <= 3:
                self.inner.write(image)

    whole = cv2.VideoWriter
    path = tmp_path / "videos" / "a.mp4"
    monkeypatch.setattr(cv2, "VideoWriter", Torn)
    with pytest.raises(SaveError, match="not written whole"):
        export_video(session, path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_rate_that_makes_no_sense_is_named(session: Session, tmp_path: Path, fps: float) -> None:
    with pytest.raises(VideoError, match="fps"):
        export_video(session, tmp_path / "a.mp4", fps=fps)


def test_another_suffix_or_place_is_named(session: Session, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"\.mp4"):
        export_video(session, tmp_path / "a.gif")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SaveError):
        export_video(session, tmp_path / "file" / "a.mp4")
    with pytest.raises(UnknownRegionError):
        export_video(session, tmp_path / "a.mp4", [(1, "tail")])


def test_a_video_of_odd_size_loses_one_column_and_row(tmp_path: Path) -> None:
    video = np.zeros((3, HEIGHT - 1, WIDTH - 1, 3), np.uint8)
    with Session(video, output_dir=tmp_path, model=FakeEngine()) as session:
        frames, _ = read_all(export_video(session, tmp_path / "odd.mp4"))
    assert [frame.shape for frame in frames] == [(HEIGHT - 2, WIDTH - 2, 3)] * 3
