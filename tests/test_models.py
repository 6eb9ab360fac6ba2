"""The catalogue: which model a name means, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from sam2_widget.errors import ModelError
from sam2_widget.models import NANO_NOTE, OFFICIAL, ModelSpec, nano, resolve


def put(folder: Path, *names: str) -> list[Path]:
    """Put files into a folder of checkpoints; the catalogue looks at names alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"weights")
    return [folder / name for name in names]


def cache() -> Path:
    return Path(platformdirs.user_cache_dir("sam2-widget")) / "checkpoints"


def test_auto_without_a_checkpoint_is_nano_with_a_note() -> None:
    assert resolve("auto") == [nano(NANO_NOTE)]
    assert "SAM 2.1 checkpoint" in NANO_NOTE


def test_nano_has_its_files_and_needs_no_note() -> None:
    (spec,) = resolve("nano")
    assert spec.name == "nano"
    assert spec.note == ""
    assert spec.checkpoint.is_file()
    assert Path(spec.config).is_file()


def test_auto_gives_every_sam_2_1_checkpoint_the_largest_first() -> None:
    put(
        Path("checkpoints"),
        "sam2.1_hiera_tiny.pt",
        "sam2.1_hiera_large.pt",
        "sam2_hiera_large.pt",
        "other.pt",
    )
    put(cache(), "sam2.1_hiera_small.pt")
    assert [spec.name for spec in resolve("auto")] == [
        "sam2.1_hiera_large",
        "sam2.1_hiera_small",
        "sam2.1_hiera_tiny",
    ]
    assert {spec.note for spec in resolve("auto")} == {""}


@pytest.mark.parametrize("file", OFFICIAL)
def test_an_official_name_finds_its_checkpoint_and_config(file: str) -> None:
    put(Path("checkpoints"), file)
    name = file.removesuffix(".pt")
    assert resolve(name) == [ModelSpec(name, OFFICIAL[file], Path("checkpoints") / file)]


def test_the_folder_the_user_named_wins_over_the_working_folder_and_that_over_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "sam2.1_hiera_small"
    monkeypatch.setenv("SAM2_WIDGET_CHECKPOINTS", str(tmp_path))
    paths = [put(folder, f"{name}.pt")[0] for folder in (tmp_path, Path("checkpoints"), cache())]
    for path in paths:
        assert resolve(name)[0].checkpoint == path
        path.unlink()
    with pytest.raises(ModelError, match=r"checkpoints/README\.md"):
        resolve(name)


def test_a_missing_official_checkpoint_says_where_to_get_it() -> None:
    with pytest.raises(
        ModelError, match=r"sam2\.1_hiera_large\.pt is neither in .*README\.md says where"
    ):
        resolve("sam2.1_hiera_large")


@pytest.mark.parametrize("as_type", [str, Path])
def test_a_path_to_an_official_file_needs_no_config(tmp_path: Path, as_type: type) -> None:
    (path,) = put(tmp_path, "sam2.1_hiera_base_plus.pt")
    (spec,) = resolve(as_type(path))
    assert spec == ModelSpec("sam2.1_hiera_base_plus", "configs/sam2.1/sam2.1_hiera_b+.yaml", path)


def test_a_path_to_weights_of_one_s_own_takes_the_given_config(tmp_path: Path) -> None:
    (path,) = put(tmp_path, "mine.safetensors")
    assert resolve(path, Path("mine.yaml")) == [ModelSpec("mine", "mine.yaml", path)]


def test_a_given_config_wins_over_the_official_one(tmp_path: Path) -> None:
    (path,) = put(tmp_path, "sam2.1_hiera_tiny.pt")
    assert resolve(path, "mine.yaml")[0].config == "mine.yaml"


def test_weights_of_one_s_own_without_a_config_are_refused(tmp_path: Path) -> None:
    (path,) = put(tmp_path, "mine.pt")
    with pytest.raises(ModelError, match=r"config of mine\.pt is not known.*config="):
        resolve(path)


def test_the_home_folder_may_be_written_short() -> None:
    (path,) = put(Path.home() / "weights", "mine.pt")
    assert resolve("~/weights/mine.pt", "mine.yaml")[0].checkpoint == path


def test_a_path_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.pt does not exist"):
        resolve(tmp_path / "gone.pt", "mine.yaml")


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(ModelError, match="does not exist"):
        resolve(tmp_path / "folder.pt", "mine.yaml")


@pytest.mark.parametrize("name", ["sam3", "", "../nano", "sam2.1_hiera_small.exe"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ModelError, match=r"auto, nano, sam2\.1_hiera_large"):
        resolve(name)
