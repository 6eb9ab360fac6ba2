"""What the browser asks of files, by messages: save, reload, export and load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sam2_widget.downloads import CHUNK
from tests.projects import files, open_project
from tests.test_responder import Viewer
from tests.test_undo import results
from tests.test_watching import OVERALL, POINTS, go_on, move_point, other  # noqa: F401 (a fixture)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from sam2_widget.session import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track(stop=4).wait()
        yield session


@pytest.fixture
def viewer(session: Session) -> Iterator[Viewer]:
    viewer = Viewer(session)
    yield viewer
    viewer.responder.close()


def fetch(viewer: Viewer, **scope: Any) -> tuple[str, Any]:
    """Export as the browser does, and return the name and the content."""
    offer = viewer.ask("export", **{"instance": None, "region": None, **scope})
    assert offer["kind"] == "download", offer
    numbers = [
        viewer.send("chunk", token=offer["token"], offset=at)
        for at in range(0, offer["size"], CHUNK)
    ]
    data = b"".join(bytes(viewer.answer(number)[1][0]) for number in numbers)
    assert len(data) == offer["size"]
    return offer["name"], json.loads(data)


def send(viewer: Viewer, data: bytes, name: str = "all.json") -> str:
    """Upload a file and return its token."""
    begun = viewer.ask("begin_upload", purpose="annotations", name=name, size=len(data), modified=1)
    assert begun["kind"] == "upload", begun
    message = {"id": 10_000, "view": "view", "kind": "upload_chunk", "token": begun["token"]}
    viewer.responder.receive({**message, "offset": 0}, [data])
    assert viewer.answer(10_000)[0]["received"] == len(data)
    viewer.answers.clear()
    token: str = begun["token"]
    return token


def test_save_says_where(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = viewer.session.folder
    assert viewer.ask("save")["folder"] == str(folder)
    monkeypatch.chdir(folder.parent.parent)
    assert viewer.ask("save")["folder"] == str(Path(folder.parent.name) / "clip")


def test_a_click_on_a_file_that_a_script_changed_is_refused_until_load(viewer: Viewer) -> None:
    move_point(viewer.session, 60)
    answer = viewer.answer(viewer.click(0, 40, 40))[0]
    assert answer["kind"] == "error"
    assert "points_overall.json was changed by another program" in answer["message"]
    assert viewer.ask("reload")["kind"] == "done"
    (point,) = viewer.ask("overlay", frame=0)["points"]
    assert point["x"] == 60
    assert viewer.answer(viewer.click(0, 40, 40))[0]["kind"] == "overlay"


def test_everything_is_fetched_in_chunks_and_loads_again(viewer: Viewer) -> None:
    session = viewer.session
    name, content = fetch(viewer)
    assert name == "clip.json"
    assert content == json.loads(json.dumps(session.export_json(pixels=True)))
    before = results(session)
    session.delete_scope(1, "overall")
    token = send(viewer, json.dumps(content).encode())
    preview = viewer.ask("preview_load", token=token)
    assert preview["title"] == "all.json, an export of everything."
    assert preview["merge"] == [
        "Adds 1 point on 1 frame of instance 1, overall.",
        "Adds the masks of 4 frames of instance 1, overall.",
    ]
    assert viewer.ask("apply_load", token=token, how="replace")["kind"] == "done"
    assert results(session) == before
    assert viewer.ask("hello")["undo"] == "loading of all.json, an export of everything"


def test_one_scope_is_fetched_in_the_original_shape(viewer: Viewer) -> None:
    name, content = fetch(viewer, instance=1, region="overall")
    assert name == "clip.instance1.points_overall.json"
    assert content["annotations"] == {"0": {"pos": [{"x": 20, "y": 20}], "neg": []}}
    assert content["num_frames"] == 10


def test_an_export_leaves_no_file_behind(viewer: Viewer) -> None:
    before = files(viewer.session.folder)
    fetch(viewer)
    viewer.ask("export", instance=None, region=None)
    assert files(viewer.session.folder) == before


def test_an_upload_is_removed_when_it_is_loaded_cancelled_or_refused(viewer: Viewer) -> None:
    uploads = viewer.session.folder / ".uploads"
    data = json.dumps(viewer.session.export_json()).encode()
    token = send(viewer, data)
    assert [path.name for path in uploads.iterdir()] == ["all.json"]
    viewer.ask("apply_load", token=token, how="merge")
    assert not uploads.exists()
    viewer.ask("cancel_upload", token=send(viewer, data))
    assert list(uploads.iterdir()) == []
    answer = viewer.ask("preview_load", token=send(viewer, b"{}", "../<b>evil</b>.json"))
    assert answer["message"].startswith("b_.json holds no annotations")
    assert not uploads.exists()
    assert viewer.ask("apply_load", token=token, how="merge")["kind"] == "error"


def test_what_an_upload_left_goes_when_the_project_is_opened_again(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        folder = session.folder
    (folder / ".uploads").mkdir()
    (folder / ".uploads/.a.json.9-1.part").write_bytes(b"part")
    with open_project(tmp_path):
        assert not (folder / ".uploads").exists()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"purpose": "video"}, "video is open already"),
        ({"size": (1 << 31) + 1}, "larger than 2 GiB"),
        ({"size": 0}, "is empty"),
    ],
)
def test_only_files_of_annotations_are_taken(
    viewer: Viewer, fields: dict[str, Any], text: str
) -> None:
    request = {"purpose": "annotations", "name": "a.json", "size": 5, "modified": 1, **fields}
    assert text in viewer.ask("begin_upload", **request)["message"]


def test_a_read_only_project_can_be_exported_and_read_again_but_not_written(
    tmp_path: Path,
    other: subprocess.Popen[str],  # noqa: F811
) -> None:
    with open_project(tmp_path) as session:
        viewer = Viewer(session)
        assert viewer.ask("hello")["read_only"]
        assert fetch(viewer)[1]["scopes"][0]["records"][0]["png"]
        assert "still open" in viewer.ask("try_lock")["message"]
        request = {"purpose": "annotations", "name": "a.json", "size": 5, "modified": 1}
        assert "open in another process" in viewer.ask("begin_upload", **request)["message"]
        assert "open in another process" in viewer.ask("save")["message"]
        go_on(other)
        assert other.stdout is not None
        assert other.stdout.readline() == "done\n"
        assert viewer.ask("reload")["kind"] == "done"
        assert len(viewer.ask("overlay", frame=2)["points"]) == 1
        go_on(other)
        assert other.wait(30) == 0
        assert viewer.ask("try_lock")["kind"] == "done"
        assert not viewer.ask("hello")["read_only"]
        assert viewer.answer(viewer.click(3))[0]["kind"] == "overlay"
        viewer.responder.close()
