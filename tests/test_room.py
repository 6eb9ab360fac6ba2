"""Sizes as people write them, and the memory that a process may still take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from sam2_widget import room
from sam2_widget.errors import ModelError
from sam2_widget.room import free_memory, parse_size

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("8GB", 8_000_000_000),
        ("1.5 gb", 1_500_000_000),
        ("500MB", 500_000_000),
        ("2GiB", 2 << 30),
        ("64k", 64_000),
        ("123", 123),
        (4096, 4096),
        (0, 0),
    ],
)
def test_sizes_are_read_as_people_write_them(size: str | int, expected: int) -> None:
    assert parse_size("feature_cache", size) == expected


@pytest.mark.parametrize("size", ["lots", "", "8GB!", "-1GB", -1, 2.5, True, None, "8XB"])
def test_what_is_no_size_is_refused_in_one_sentence(size: object) -> None:
    with pytest.raises(
        ModelError, match=r"^feature_cache is a size such as '8GB' or a number"
    ) as e:
        parse_size("feature_cache", size)  # type: ignore[arg-type]
    assert repr(size) in str(e.value)


def test_free_memory_is_at_most_what_the_machine_has() -> None:
    assert 0 < free_memory() <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("names", "limit", "expected"),
    [
        (("memory.max", "memory.current", "inactive_file"), "1000000", 450_000),
        (("memory.max", "memory.current", "inactive_file"), "max", None),
        (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
            "1000000",
            450_000,
        ),
    ],
    ids=["cgroup 2", "no limit", "cgroup 1"],
)
def test_the_limit_of_a_container_counts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, str, str],
    limit: str,
    expected: int | None,
) -> None:
    maximum, usage, inactive = names
    (tmp_path / maximum).write_text(limit)
    (tmp_path / usage).write_text("600000")
    (tmp_path / "memory.stat").write_text(f"anon 500000\n{inactive} 50000\n")
    monkeypatch.setattr(room, "_CGROUPS", tmp_path)
    if expected is None:
        assert free_memory() > 1_000_000
    else:
        assert free_memory() == expected
