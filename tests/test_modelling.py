"""Models by requests of the browser: listed, used, downloaded beside the work; what fails."""

from __future__ import annotations

import io
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest
import torch
from safetensors.torch import load_file

from sam2_widget.catalogue import CATALOGUE
from sam2_widget.errors import DownloadError, ModelError
from sam2_widget.model_download import ModelDownload
from sam2_widget.models import nano
from sam2_widget.session import Session
from tests.clips import numbered_frames
from tests.fetches import without_proxies
from tests.projects import PATIENCE, GatedEngine, open_project, settle
from tests.servers import Web, answers, breaks_after, serving, stalls_after
from tests.test_responder import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NANO = nano()
TINY = "sam2.1_hiera_tiny"
LARGE = "sam2.1_hiera_large"


@pytest.fixture(scope="module")
def weights() -> bytes:
    """Return a checkpoint as Meta publishes them, with the weights of nano."""
    file = io.BytesIO()
    torch.save({"model": load_file(NANO.checkpoint)}, file)
    return file.getvalue()


@pytest.fixture
def web(weights: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Serve it as the tiny and the large model of the catalogue."""
    without_proxies(monkeypatch)
    with serving(weights) as running:
        for name in (TINY, LARGE):
            monkeypatch.setitem(CATALOGUE, name, running.entry(name, config=NANO.config))
        yield running


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a project with the model that auto comes to where no checkpoint is found: nano."""
    video = numbered_frames(10)
    with Session(video, name="clip", output_dir=tmp_path, device="cpu") as session:
        session.video.wait()
        settle(session)
        yield session


@pytest.fixture
def viewer(session: Session) -> Viewer:
    return Viewer(session)


def cache() -> Path:
    return Path(platformdirs.user_cache_dir("sam2-widget")) / "checkpoints"


def told(viewer: Viewer, condition: Callable[[dict[str, Any]], bool], view: str = "view") -> Any:
    """Listen until a state is as it should be, and return it."""
    state = viewer.ask("hello", view)
    while not condition(state):
        state = viewer.ask("listen", view, since=state["revision"])
    return state


def notices(state: dict[str, Any]) -> list[tuple[str, str]]:
    return [(notice["level"], notice["text"]) for notice in state["notices"]]


# Lists, and another model


def test_the_list_says_what_is_here(viewer: Viewer, web: Web) -> None:
    shutil.copy(NANO.checkpoint, put(Path("checkpoints") / "mine.safetensors"))
    listed = {model.pop("name"): model for model in viewer.ask("models")["models"]}
    assert list(listed)[:2] == [LARGE, "sam2.1_hiera_base_plus"]
    assert listed[TINY]["size"] == len(web.content)
    assert {name for name, model in listed.items() if model["here"]} == {"nano", "mine"}
    assert all(model["description"] for model in listed.values())


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_model_of_the_list_is_used(viewer: Viewer, web: Web) -> None:
    put(cache() / f"{TINY}.pt").write_bytes(web.content)
    assert viewer.ask("set_model", name=TINY)["kind"] == "done"
    model = viewer.ask("hello")["model"]
    assert (model["name"], model["device"], model["status"], model["offer"]) == (
        TINY, "cpu", "ready", None,
    )  # fmt: skip
    assert viewer.ask("set_model", name="nano")["kind"] == "done"
    assert viewer.session.model == "nano"
    (mask,) = viewer.answer(viewer.click())[0]["masks"]
    assert mask["model"] == "nano"


def test_weights_of_one_s_own_are_used_by_their_name(viewer: Viewer) -> None:
    shutil.copy(NANO.checkpoint, put(Path("checkpoints") / "mine.safetensors"))
    shutil.copy(NANO.config, put(Path("configs") / "mine.yaml"))
    assert viewer.ask("set_model", name="mine")["kind"] == "done"
    assert viewer.session.model == "mine"


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("set_model", "sam3", "not on the list"),
        ("set_model", "", "not on the list"),
        ("set_model", str(NANO.checkpoint), "not on the list"),
        ("set_model", "auto", "not on the list"),
        ("set_model", TINY, "not on this machine yet; download it first"),
        ("download_model", "nano", "no model 'nano' to download"),
        ("download_model", "../../x", "no model"),
        ("download_model", "x" * 10_000, "no model"),
    ],
)
def test_what_is_not_on_the_list_is_refused(
    viewer: Viewer, kind: str, name: str, says: str
) -> None:
    answer = viewer.ask(kind, name=name)
    assert answer["kind"] == "error"
    assert says in answer["message"]
    assert len(answer["message"]) < 300
    assert viewer.session.model == "nano"


# Downloads


def test_a_download_goes_on_beside_the_work_and_is_used_when_it_is_whole(
    viewer: Viewer, web: Web
) -> None:
    model = viewer.ask("hello")["model"]
    assert "preview" in model["note"]
    assert model["offer"] == {"name": TINY, "size": len(web.content)}
    half = len(web.content) // 2
    web.behaviours.append(stalls_after(half))
    assert viewer.ask("download_model", name=TINY)["kind"] == "done"
    # Another view sees it too.
    state = told(viewer, lambda state: (state["download"] or {}).get("done") == half, "other")
    assert state["download"] == {"name": TINY, "done": half, "total": len(web.content)}
    assert viewer.ask("download_model", name=TINY)["kind"] == "done"
    busy = viewer.ask("download_model", name=LARGE)
    assert busy["message"] == f"{TINY} is being downloaded; cancel that, or wait for its end."
    (mask,) = viewer.answer(viewer.click())[0]["masks"]
    assert mask["model"] == "nano"

    web.go_on.set()
    state = told(viewer, lambda state: state["model"]["name"] == TINY and not state["download"])
    assert (state["model"]["status"], state["model"]["note"]) == ("ready", "")
    assert state["model"]["offer"] is None
    assert notices(state) == [("info", f"{TINY} is downloaded and in use.")]
    assert [path.name for path in cache().iterdir() if path.suffix == ".pt"] == [f"{TINY}.pt"]
    (mask,) = viewer.answer(viewer.click(frame=1))[0]["masks"]
    assert mask["model"] == TINY


def test_a_download_that_is_cancelled_goes_on_where_it_was(viewer: Viewer, web: Web) -> None:
    half = len(web.content) // 2
    web.behaviours.append(stalls_after(half))
    viewer.ask("download_model", name=TINY)
    told(viewer, lambda state: (state["download"] or {}).get("done") == half)
    assert viewer.ask("cancel_download")["kind"] == "done"
    state = told(viewer, lambda state: not state["download"] and state["notices"])
    ((level, text),) = notices(state)
    assert level == "info"
    assert "was cancelled" in text
    assert not (cache() / f"{TINY}.pt").exists()
    assert viewer.session.model == "nano"

    viewer.ask("download_model", name=TINY)
    told(viewer, lambda state: state["model"]["name"] == TINY)
    assert web.ranges == [None, f"bytes={half}-"]


@pytest.mark.parametrize(
    "behaviour", [answers(404), answers(200, b"Please log in")], ids=["404", "a page"]
)
def test_a_download_that_fails_is_one_notice_and_leaves_nothing(
    viewer: Viewer, web: Web, behaviour: Any
) -> None:
    web.behaviours.append(behaviour)
    viewer.ask("download_model", name=TINY)
    state = told(viewer, lambda state: not state["download"] and state["notices"])
    ((level, text),) = notices(state)
    assert (level, len(text.splitlines())) == ("error", 1)
    assert [path for path in cache().rglob("*") if TINY in path.name] == []
    assert state["model"]["name"] == "nano"
    assert state["model"]["offer"] is not None
    assert viewer.answer(viewer.click())[0]["kind"] == "overlay"


def test_what_is_whole_and_cannot_be_loaded_leaves_the_model_in_use(
    viewer: Viewer, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.content = b"not weights, as its hash promises"
    monkeypatch.setitem(CATALOGUE, TINY, web.entry(TINY, config=NANO.config))
    viewer.ask("download_model", name=TINY)
    state = told(viewer, lambda state: not state["download"] and state["notices"])
    ((level, text),) = notices(state)
    assert level == "error"
    assert text.startswith(f"{TINY} could not be loaded, nano stays in use: ")
    assert state["model"]["status"] == "ready"


def test_a_connection_that_breaks_is_made_again(viewer: Viewer, web: Web) -> None:
    web.behaviours.append(breaks_after(1000))
    viewer.ask("download_model", name=TINY)
    told(viewer, lambda state: state["model"]["name"] == TINY)
    assert len(web.requests) == 2


def test_closing_ends_the_download_and_keeps_what_came(tmp_path: Path, web: Web) -> None:
    half = len(web.content) // 2
    web.behaviours.append(stalls_after(half))
    with open_project(tmp_path) as session:
        viewer = Viewer(session)
        viewer.ask("download_model", name=TINY)
        told(viewer, lambda state: (state["download"] or {}).get("done") == half)
    assert "sam2-widget-model" not in {thread.name for thread in threading.enumerate()}
    assert [path.stat().st_size for path in cache().glob("*.part")] == [half]
    assert notices(viewer.answers[-1][0]) == []


def test_a_running_track_is_not_ended_by_a_download(tmp_path: Path, web: Web) -> None:
    gate = GatedEngine()
    with open_project(tmp_path, engine=gate, device="cpu") as session:
        viewer = Viewer(session)
        session.add_point(0, 20, 20)
        job = session.track()
        assert gate.arrived()
        viewer.ask("download_model", name=TINY)
        size = len(web.content)
        told(viewer, lambda state: (state["download"] or {}).get("done") == size)
        assert session.model == "fake"
        gate.open_gate()
        assert job.wait(PATIENCE)
        assert job.progress[:2] == (9, 9)
        state = told(viewer, lambda state: state["model"]["name"] == TINY and state["notices"])
        assert notices(state) == [("info", f"{TINY} is downloaded and in use.")]
        assert set(session.to_dataframe()["model"]) == {"fake"}


def test_a_model_that_the_user_chose_meanwhile_stays_in_use(viewer: Viewer, web: Web) -> None:
    half = len(web.content) // 2
    web.behaviours.append(stalls_after(half))
    viewer.ask("download_model", name=LARGE)
    told(viewer, lambda state: (state["download"] or {}).get("done") == half)
    put(cache() / f"{TINY}.pt").write_bytes(web.content)
    viewer.ask("set_model", name=TINY)
    web.go_on.set()
    state = told(viewer, lambda state: not state["download"] and state["notices"])
    assert notices(state) == [("info", f"{LARGE} is downloaded; the menu of models has it.")]
    assert state["model"]["name"] == TINY


# The download alone


def test_progress_is_told_a_few_times_a_second_at_most() -> None:
    moves: list[object] = []
    seen: list[object] = []
    ended = threading.Event()

    def fetch(name: str, *, progress: Callable[[int, int], None], cancel: threading.Event) -> Path:
        for done in range(10_001):
            progress(done, 10_000)
            seen.append(download.now)
        return Path(name)

    download = ModelDownload(
        lambda: moves.append(download.now),
        lambda *_: ended.set(),
        fetch,
    )
    download.start("large", lambda _: "It is here.")
    assert ended.wait(PATIENCE)
    download.close()
    # As it begins and as it ends; more only if it took its time.
    assert len(moves) < 20
    assert len(set(seen)) == 10_001
    assert download.now is None


@pytest.mark.parametrize("error", [DownloadError("The disk is full."), ZeroDivisionError("odd")])
def test_whatever_goes_wrong_is_told_and_the_next_one_can_begin(error: Exception) -> None:
    told: list[tuple[str, str]] = []
    ended = threading.Semaphore(0)

    def fetch(name: str, **_: Any) -> Path:
        if name == "bad":
            raise error
        return Path(name)

    def notify(level: str, text: str) -> None:
        told.append((level, text))

    download = ModelDownload(ended.release, notify, fetch)
    download.start("bad", lambda _: "")
    while download.now is not None:
        assert ended.acquire(timeout=PATIENCE)
    download.start("good", lambda _: "")
    while download.now is not None:
        assert ended.acquire(timeout=PATIENCE)
    download.close()
    assert [level for level, _ in told] == ["error", "info"]
    assert ("disk is full" in told[0][1]) or ("ZeroDivisionError" in told[0][1])
    download.start("after closing", lambda _: "")
    assert download.now is None


def test_two_at_once_are_refused() -> None:
    gate = threading.Event()

    def fetch(name: str, **_: Any) -> Path:
        gate.wait(PATIENCE)
        return Path(name)

    download = ModelDownload(lambda: None, lambda *_: None, fetch)
    download.start("one", lambda _: "")
    with pytest.raises(ModelError, match="one is being downloaded"):
        download.start("two", lambda _: "")
    gate.set()
    download.close()
