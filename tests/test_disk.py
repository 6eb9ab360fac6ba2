"""The disk tier of the feature cache: all comes back as it was, nothing stays, nothing fails."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.engines.sam2 import disk as module
from sam2_widget.engines.sam2.disk import DiskTier
from sam2_widget.engines.sam2.features import FeatureCache
from sam2_widget.engines.sam2.slab import SlabFile, slab_folder
from sam2_widget.errors import ModelError
from sam2_widget.session import Session
from tests.test_features import CPU, SIZE, annotate, engine, opened, some

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def a_small_disk_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEFT_FREE", 0)


@pytest.fixture
def tier() -> Iterator[DiskTier]:
    tier = DiskTier(10 * SIZE)
    yield tier
    tier.close()


def put(tier: DiskTier, frame: int, *, tracking: bool = False) -> None:
    """Put a frame and wait for the disk, as the time an encoder takes does."""
    tier.put(frame, some(frame).levels, tracking=tracking)
    tier.settle()


def bits_of(levels: tuple[torch.Tensor, ...]) -> list[object]:
    """Return all that an operator can tell of tensors."""
    return [
        (x.dtype, x.shape, x.stride(), x.contiguous().view(torch.uint8).numpy().tobytes())
        for x in levels
    ]


def visit(cache: FeatureCache, tier: DiskTier, frames: range) -> int:
    """Track through frames as the engine does, and return how many had to be encoded."""
    cache.begin_pass()
    encoded = 0
    for frame in frames:
        features = cache.fetch(frame, tracking=True)
        if features is None:
            encoded += 1
            cache.put(frame, some(frame), tracking=True)
        else:
            assert bits_of(features.levels) == bits_of(some(frame).levels)
        tier.settle()
    return encoded


class FullDisk(SlabFile):
    """A file on a disk that takes a number of writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes
        self.emptied = False

    def write(self, data: memoryview, at: int) -> None:
        self.writes -= 1
        if self.writes < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(data, at)

    def empty(self) -> None:
        self.emptied = True
        super().empty()


class SlowDisk(SlabFile):
    """A file that is written when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def write(self, data: memoryview, at: int) -> None:
        assert self.gate.wait(PATIENCE)
        super().write(data, at)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_was_put_comes_back_bit_for_bit_in_the_same_layout(
    tier: DiskTier, dtype: torch.dtype
) -> None:
    tier.budget = 1 << 20
    torch.manual_seed(0)
    with torch.inference_mode():
        wide = torch.randn(1, 6, 8, 8).to(dtype).to(memory_format=torch.channels_last)
        # Numbers that arithmetic would not bring back: NaN with its bits, infinity, -0.
        deep = torch.tensor([[torch.nan, torch.inf, -0.0, 1e-45]]).to(dtype)[:, :, None, None]
        behind = torch.randn(3, 2, 4, 4).to(dtype)[1:2]
        tier.put(7, (wide, deep, behind))
    tier.settle()
    assert tier.frames() == {7}
    back = tier.get(7)
    assert back is not None
    assert back[0] is not wide
    assert bits_of(back) == bits_of((wide, deep, behind))


def test_frames_are_kept_within_the_budget_and_the_one_used_longest_ago_goes(
    tier: DiskTier,
) -> None:
    for frame in range(10):
        put(tier, frame)
    assert tier.get(0)
    put(tier, 10)
    put(tier, 2)
    put(tier, 11)
    assert tier.frames() == {0, 2, *range(4, 12)}
    assert tier.size == tier.budget
    tier.drop(5)
    assert (5 in tier, tier.size) == (False, 9 * SIZE)
    assert tier.get(5) is None


def test_features_of_another_size_and_with_gaps_are_not_kept(tier: DiskTier) -> None:
    put(tier, 0)
    tier.put(1, (torch.zeros(1, 4, 4, 4),))
    tier.put(2, (torch.zeros(1, 4, 4, 2)[..., ::2],))
    tier.put(3, (torch.zeros(1).expand(8),))
    tier.settle()
    assert tier.frames() == {0}


def test_who_puts_a_frame_never_waits_and_what_is_not_written_is_read_from_memory() -> None:
    slow = SlowDisk()
    tier = DiskTier(100 * SIZE, lambda: slow)
    features = [some(frame) for frame in range(20)]
    for frame, each in enumerate(features):
        tier.put(frame, each.levels)
    # The disk has not written one, so that only so many may wait.
    assert tier.frames() == set(range(8))
    assert tier.get(3) is features[3].levels
    tier.drop(4)
    tier.drop(5)
    tier.put(5, some(50).levels)
    slow.gate.set()
    tier.settle()
    assert tier.frames() == {0, 1, 2, 3, 5, 6, 7}
    for frame in tier.frames():
        levels = tier.get(frame)
        assert levels is not None
        assert bits_of(levels) == bits_of(some(50 if frame == 5 else frame).levels)
    tier.close()


def test_a_full_disk_ends_the_tier_with_one_message_and_no_failure() -> None:
    told: list[str] = []
    full = FullDisk(writes=9)
    tier = DiskTier(100 * SIZE, lambda: full, told.append)
    cache = FeatureCache(2 * SIZE, CPU, disk=tier)
    for frame in range(12):
        cache.put(frame, some(frame))
        if frame == 5:
            tier.settle()
            assert cache.fetch(0)
    tier.settle()
    assert len(told) == 1
    assert told[0].startswith("The disk part of the feature cache ended ([Errno 28] No space left")
    assert full.emptied
    assert len(cache) == 2
    assert cache.fetch(0) is None
    for frame in range(20, 30):
        cache.put(frame, some(frame))
    assert len(cache) == 2
    assert len(told) == 1
    cache.close()


def test_a_file_that_cannot_be_opened_or_read_ends_the_tier_too() -> None:
    told: list[str] = []

    def none() -> SlabFile:
        raise PermissionError(errno.EACCES, "Permission denied")

    tier = DiskTier(10 * SIZE, none, told.append)
    put(tier, 0)
    assert (tier.get(0), len(told)) == (None, 1)
    tier.close()
    short = SlabFile()
    tier = DiskTier(10 * SIZE, lambda: short, told.append)
    put(tier, 0)
    short.empty()
    assert (tier.get(0), tier.frames(), len(told)) == (None, set(), 2)
    tier.close()


def test_the_last_of_the_disk_is_left_to_others(
    tier: DiskTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEFT_FREE", 1000)
    left = 1000 + 3 * SIZE

    def room(file: SlabFile) -> int:
        return left

    monkeypatch.setattr(SlabFile, "room", room)
    for frame in range(6):
        put(tier, frame)
        left -= SIZE * (frame < 3)
    assert tier.frames() == {3, 4, 5}
    assert tier.size == 3 * SIZE


# -- as a tier of the cache -------------------------------------------------------------------


def test_a_frame_that_leaves_memory_is_fetched_from_the_disk_and_stays_there(
    tier: DiskTier,
) -> None:
    cache = FeatureCache(2 * SIZE, CPU, disk=tier)
    for frame in range(6):
        cache.put(frame, some(frame))
    tier.settle()
    assert tier.frames() == {0, 1, 2, 3}
    assert len(cache) == 6
    assert cache.get(1) is None
    first = cache.fetch(1)
    assert first is not None
    # In memory now, where the next click finds it.
    assert cache.get(1) is first
    assert 1 in tier
    cache.drop(1)
    assert 1 not in cache
    cache.clear()
    assert (len(cache), cache.size, tier.size) == (0, 0, 0)
    cache.close()


def test_with_no_memory_at_all_everything_is_on_the_disk(tier: DiskTier) -> None:
    cache = FeatureCache(0, CPU, disk=tier)
    assert [visit(cache, tier, range(8)) for _ in range(3)] == [8, 0, 0]


def test_the_way_from_the_device_to_the_disk_and_back(tier: DiskTier) -> None:
    tier.budget = 12 * SIZE
    cache = FeatureCache(2 * SIZE, CPU, device_budget=2 * SIZE, disk=tier)
    assert [visit(cache, tier, range(12)) for _ in range(3)] == [12, 0, 0]
    assert cache.size == 2 * SIZE


def test_passes_over_more_frames_than_memory_holds_are_encoded_once_if_the_disk_holds_them() -> (
    None
):
    written = 0

    class Counting(SlabFile):
        def write(self, data: memoryview, at: int) -> None:
            nonlocal written
            written += len(data)
            super().write(data, at)

    tier = DiskTier(100 * SIZE, Counting)
    cache = FeatureCache(40 * SIZE, CPU, disk=tier)
    assert [visit(cache, tier, range(100)) for _ in range(4)] == [100, 0, 0, 0]
    # A frame is written when it first leaves memory, and never again.
    assert written <= 100 * SIZE
    assert cache.size == 40 * SIZE
    cache.close()


def test_passes_over_more_frames_than_all_tiers_hold_find_most_of_what_fits() -> None:
    tier = DiskTier(40 * SIZE)
    cache = FeatureCache(20 * SIZE, CPU, disk=tier)
    encoded = [visit(cache, tier, range(100)) for _ in range(5)]
    assert encoded[0] == 100
    # 60 fit. Least recently used alone would find none, every time.
    assert max(encoded[1:]) <= 50
    # Another stretch that fits takes their place, an eighth a pass.
    elsewhere = [visit(cache, tier, range(500, 550)) for _ in range(12)]
    assert elsewhere[-1] == 0
    cache.close()


def test_closing_gives_the_space_back() -> None:
    files: list[SlabFile] = []

    def opened_file() -> SlabFile:
        files.append(SlabFile())
        return files[-1]

    tier = DiskTier(10 * SIZE, opened_file)
    # Nothing is opened before it is needed.
    assert not files
    put(tier, 0)
    tier.close()
    assert files[0]._file.closed
    tier.put(1, some().levels)
    assert tier.frames() == set()
    tier.close()


class Machine:
    """What a tier must be seen from outside: frames it may lose, but never confuse."""

    def __init__(self, slots: int) -> None:
        self.tier = DiskTier(slots * SIZE)
        self.slots = slots
        self.given: dict[int, int] = {}
        self.version = 0

    def do(self, act: str, frame: int) -> None:
        tier = self.tier
        if act == "put":
            if frame not in tier:
                self.version += 1
                self.given[frame] = self.version
            tier.put(frame, some(self.given[frame]).levels, tracking=bool(self.version % 2))
        elif act == "get":
            levels = tier.get(frame)
            if levels is not None:
                assert bits_of(levels) == bits_of(some(self.given[frame]).levels)
        elif act == "drop":
            tier.drop(frame)
            assert frame not in tier
        elif act == "pass":
            tier.begin_pass()
        else:
            tier.settle()
            assert len(tier.frames()) <= self.slots
        assert tier.size <= tier.budget


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(
            st.sampled_from(["put", "put", "get", "drop", "pass", "settle"]), st.integers(0, 9)
        ),
        max_size=60,
    ),
)
def test_whatever_is_put_read_and_dropped_no_frame_is_taken_for_another(
    slots: int, acts: list[tuple[str, int]]
) -> None:
    module_left, module._LEFT_FREE = module._LEFT_FREE, 0
    machine = Machine(slots)
    try:
        for act, frame in acts:
            machine.do(act, frame)
        machine.do("settle", 0)
        for frame in range(10):
            machine.do("get", frame)
    finally:
        machine.tier.close()
        module._LEFT_FREE = module_left


# -- what is left behind ----------------------------------------------------------------------

LIVE = """
import sys, torch
from sam2_widget.engines.sam2.disk import DiskTier
tier = DiskTier(1 << 24)
for frame in range(4):
    tier.put(frame, (torch.full((1, 1 << 20), float(frame)),))
tier.settle()
assert tier.frames() == {0, 1, 2, 3}, tier.frames()
print("written", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        if sys.platform == "linux":
            held = [str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
            assert any(name.startswith(str(tmp_path)) for name in held)
        process.kill()
    assert list(tmp_path.iterdir()) == []


def test_the_file_lies_where_tmpdir_says_and_else_where_disks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert slab_folder() == tmp_path
    monkeypatch.delenv("TMPDIR")
    assert slab_folder() != tmp_path
    assert slab_folder().is_dir()


# -- through the engine -----------------------------------------------------------------------


def test_masks_are_the_same_and_each_frame_is_encoded_once_with_all_of_it_on_the_disk(
    clip: Path, tmp_path: Path
) -> None:
    with opened(clip, tmp_path / "memory") as plain:
        expected = annotate(plain)
    with opened(clip, tmp_path / "disk", feature_cache=0, feature_cache_disk="1GB") as session:
        masks = annotate(session)
        assert all(np.array_equal(masks[i], expected[i]) for i in expected)
        assert engine(session).encoder.encoded == 12
        cache = engine(session).cache
        assert (cache.size, len(cache)) == (0, 12)
    assert len(cache) == 0


def test_a_full_disk_fails_no_click_and_the_user_is_told_once(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(file: SlabFile, data: memoryview, at: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SlabFile, "write", write)
    with opened(clip, tmp_path, feature_cache=0, feature_cache_disk="1GB") as session:
        session.add_point(3, 180, 110)
        session.track(start=2, stop=6).wait()
        assert session.masks[1, "overall"].frames.tolist() == [2, 3, 4, 5]
        engine(session)
        told = [notice.text for notice in session.live.notices if notice.level == "warning"]
        assert len(told) == 1
        assert "No space left on device" in told[0]
        assert len(engine(session).cache) == 0


def test_room_on_the_disk_that_is_no_size_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="feature_cache_disk is a size such as '8GB'"):
        Session(clip, output_dir=tmp_path, model="nano", feature_cache_disk="much")
    assert not list(tmp_path.iterdir())
