"""The catalogue: which model a name means, and what is said when there is none."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import platformdirs
import pytest

from sam2_widget import models
from sam2_widget.catalogue import CATALOGUE
from sam2_widget.errors import ModelError
from sam2_widget.finding import download_folder, folders
from sam2_widget.models import NANO_NOTE, OFFICIAL, ModelSpec, nano, resolve
from sam2_widget.room import amount

ROOT = Path(__file__).resolve().parents[1]


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
    assert resolve(name) == [ModelSpec(name, OFFICIAL[file], Path("checkpoints").absolute() / file)]


def test_the_folder_the_user_named_wins_over_the_working_folder_and_that_over_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "sam2.1_hiera_small"
    monkeypatch.setenv("SAM2_WIDGET_CHECKPOINTS", str(tmp_path))
    paths = [
        put(folder, f"{name}.pt")[0]
        for folder in (tmp_path, Path("checkpoints").absolute(), cache())
    ]
    for path in paths:
        assert resolve(name)[0].checkpoint == path
        path.unlink()
    with pytest.raises(ModelError, match=r"is neither in .* nor in .*checkpoints nor in"):
        resolve(name)


def test_a_missing_official_checkpoint_says_how_to_get_it() -> None:
    for name in ("sam2.1_hiera_large", "sam2.1_hiera_large.pt"):
        with pytest.raises(ModelError) as missing:
            models.path(name)
        text = str(missing.value)
        assert f"is neither in {Path('checkpoints').absolute()} nor in" in text
        assert "sw.models.download('sam2.1_hiera_large')" in text
        assert "`sam2-widget download sam2.1_hiera_large`" in text


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


def test_weights_of_one_s_own_take_the_config_of_their_name_else_have_to_tell(
    tmp_path: Path,
) -> None:
    (path,) = put(tmp_path, "mine.pt")
    assert resolve(path) == [ModelSpec("mine", "", path)]
    put(Path("configs"), "mine.yaml", "other.yaml")
    assert resolve(path) == [ModelSpec("mine", str(Path("configs/mine.yaml").absolute()), path)]
    assert resolve(path, "other")[0].config == "other"


@pytest.mark.parametrize("name", ["mine", "mine.safetensors"])
def test_weights_of_one_s_own_are_found_by_name_in_the_folders(name: str) -> None:
    (path,) = put(Path("checkpoints").absolute(), "mine.safetensors")
    assert resolve(name) == [ModelSpec("mine", "", path)]
    assert models.path(name) == path


def test_a_model_is_where_it_was_when_the_notebook_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Path("checkpoints"), "mine.safetensors")
    put(Path("configs"), "mine.yaml")
    put(Path("weights"), "other.pt")
    (mine,), (other,) = resolve("mine"), resolve("weights/other.pt", "configs/mine.yaml")
    monkeypatch.chdir(tmp_path)
    files = mine.checkpoint, mine.config, other.checkpoint, other.config
    assert all(Path(file).is_file() for file in files)


def test_the_folder_for_downloads_may_be_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAM2_WIDGET_CHECKPOINTS", "~/weights")
    assert download_folder() == folders()[0] == Path.home() / "weights"


def test_weights_under_the_name_of_another_model_are_not_listed_as_it() -> None:
    put(Path("checkpoints"), "nano.safetensors", "sam2.1_hiera_tiny.safetensors", "mine.pt")
    names = [info.name for info in models.list()]
    assert len(names) == len(set(names))
    assert names[-1] == "mine"


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
    with pytest.raises(ModelError, match=r"nano.*sam2\.1_hiera_large"):
        resolve(name)


# The catalogue and its list


def test_the_catalogue_is_complete_and_plausible() -> None:
    assert len(CATALOGUE) == 8
    assert len({entry.sha256 for entry in CATALOGUE.values()}) == 8
    for name, entry in CATALOGUE.items():
        assert (entry.name, entry.file) == (name, f"{name}.pt")
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256 or "")
        assert re.fullmatch(
            rf"https://dl\.fbaipublicfiles\.com/segment_anything_2/0[79]2824/{name}\.pt", entry.url
        )
        # Weights are float32, and the rest of the file is small.
        millions = int(entry.description.split()[0])
        assert abs(entry.size / 4e6 - millions) < 1
    sizes = [entry.size for entry in CATALOGUE.values()]
    assert sizes[:4] == sorted(sizes[:4], reverse=True)
    assert sizes[4:] == sorted(sizes[4:], reverse=True)


def test_the_addresses_are_those_in_sam2_s_own_readme() -> None:
    official = importlib.metadata.metadata("sam2").get_payload()
    assert [entry.url for entry in CATALOGUE.values() if entry.url not in official] == []


def test_documents_repeat_the_catalogue() -> None:
    checkpoints = (ROOT / "checkpoints" / "README.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    for entry in list(CATALOGUE.values())[:4]:
        assert f"| `{entry.file}` | {entry.size:,} | `{entry.sha256}` |" in checkpoints
        assert re.search(rf"\| `{entry.name}` \| \d+ M \| {amount(entry.size)} \|", readme)


def test_the_list_tells_what_there_is_and_where_it_lies() -> None:
    (large,) = put(Path("checkpoints").absolute(), "sam2.1_hiera_large.pt")
    (mine,) = put(cache(), "mine.safetensors")
    put(cache(), "notes.txt", "sam2.1_hiera_small.pt.part")
    listed = {info.name: info for info in models.list()}
    assert list(listed) == [*CATALOGUE, "nano", "mine"]
    assert listed["sam2.1_hiera_large"].path == large
    assert listed["sam2.1_hiera_small"].path is None
    assert listed["sam2.1_hiera_small"].sha256 == CATALOGUE["sam2.1_hiera_small"].sha256
    assert listed["nano"].path == nano().checkpoint
    assert listed["nano"].size == nano().checkpoint.stat().st_size
    assert (listed["mine"].path, listed["mine"].size, listed["mine"].sha256) == (mine, 7, None)


def test_the_list_prints_as_a_table() -> None:
    lines = repr(models.list()).splitlines()
    assert len(lines) == 1 + len(models.list())
    assert lines[0].split() == ["name", "size", "on", "disk", "what", "it", "is"]
    assert "sam2.1_hiera_tiny" in lines[4]
    assert "156 MB" in lines[4]


def test_the_list_in_a_notebook_holds_no_html_of_a_file_s_name() -> None:
    put(Path("checkpoints"), "<b>x.pt")
    table = models.list()._repr_html_()
    assert "<b>" not in table
    assert "&lt;b&gt;x" in table


def test_auto_has_no_path() -> None:
    with pytest.raises(ModelError, match=r"models\.list\(\)"):
        models.path("auto")
