"""The wire, from Python's side: the golden files hold, and hostile requests end at the door."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget import answers, requests, wire

GOLDEN = Path(__file__).parent / "messages"
REQUESTS: list[dict[str, Any]] = json.loads((GOLDEN / "requests.json").read_text("utf-8"))
ANSWERS: list[dict[str, Any]] = json.loads((GOLDEN / "answers.json").read_text("utf-8"))
OVERLAY = answers.MaskItem(1, "overall", "#0072B2", "click", False, 3, 1, 11, 4, 0, "nano")
"""The one mask of the golden overlay."""

PARSED: list[requests.Request] = [
    requests.Hello(1, "v-1"),
    requests.Listen(2, "v-1", 41),
    requests.Bye(3, "v-1"),
    requests.Ping(4, "v-1"),
    requests.GetFrame(5, "v-1", 12, 960, True),
    requests.GetTimes(6, "v-1"),
    requests.GetOverlay(7, "v-1", 12),
    requests.AddPoint(8, "v-1", 12, 2, "shaft", 101.5, 77, 0),
    requests.Undo(9, "v-1"),
    requests.Redo(10, "v-1"),
    requests.Track(11, "v-1", [(1, "overall"), (2, "shaft")], 10, 60, "forward", True),
    requests.Cancel(12, "v-1"),
    requests.Track(99, "v-1"),
    requests.Track(100, "v-1", None, None, None, "both", False),
    requests.MovePoint(200, "v-1", 12, 2, "shaft", 1, 5, 6.25),
    requests.RemovePoint(201, "v-1", 12, 2, "shaft", 0),
    requests.SetBox(202, "v-1", 12, 2, "shaft", 1, 2.5, 100, 90),
    requests.ClearFrame(203, "v-1", 12, 2, "shaft"),
    requests.DeleteScope(204, "v-1", 2, "shaft"),
    requests.AddRegion(205, "v-1", "tip-2"),
    requests.AddKeypoint(206, "v-1", 12, 2, 5, 6.25, None),
    requests.AddKeypoint(207, "v-1", 12, 2, 5, 6.25, "Spitze <b>\u00e9</b>"),
    requests.MoveKeypoint(208, "v-1", 12, 2, "k1", 5, 6.25),
    requests.RemoveKeypoint(209, "v-1", 12, 2, "k1"),
    requests.SetKeypointVisible(210, "v-1", 12, 2, "k1", False),
    requests.ClearKeypoints(211, "v-1", 12, 2),
    requests.CopyKeypoints(212, "v-1", 12, 2),
    requests.NextGap(213, "v-1", 12, 2),
    requests.Brush(300, "v-1", 12, 2, "shaft", [(5, 6.25), (7.5, 8)], 4.5, True),
    requests.DeleteInstance(301, "v-1", 2),
    requests.RenameInstance(302, "v-1", 2, "Spitze <b>\u00e9</b>"),
    requests.RenameRegion(303, "v-1", "shaft", "Spitze <b>\u00e9</b>"),
    requests.SetColor(304, "v-1", 2, "shaft", "#12AB9f"),
    requests.SetColor(305, "v-1", 2, "shaft", None),
    requests.Save(306, "v-1"),
    requests.Reload(307, "v-1"),
    requests.TryLock(308, "v-1"),
    requests.Export(309, "v-1", None, None),
    requests.Export(310, "v-1", 2, "shaft"),
    requests.GetChunk(311, "v-1", "t-1", 1048576),
    requests.BeginUpload(
        312, "v-1", "video", "Spitze <b>\u00e9</b>.mp4", 5000000000, 1700000000000
    ),
    requests.UploadChunk(313, "v-1", "t-1", 1048576),
    requests.CancelUpload(314, "v-1", "t-1"),
    requests.PreviewLoad(315, "v-1", "t-1"),
    requests.ApplyLoad(316, "v-1", "t-1", "replace"),
    requests.ListVideos(317, "v-1"),
    requests.OpenVideo(318, "v-1", "day 1/clip.mp4"),
    requests.GetLanes(400, "v-1", 41),
    requests.ListModels(500, "v-1"),
    requests.SetModel(501, "v-1", "sam2.1_hiera_tiny"),
    requests.DownloadModel(502, "v-1", "sam2.1_hiera_tiny"),
    requests.CancelDownload(503, "v-1"),
]
BUFFERS = [tuple(b64decode(buffer) for buffer in answer["buffers"]) for answer in ANSWERS]
ENCODED: list[answers.Answer] = [
    answers.State(
        42,
        [(0, 5), (12, 13)],
        answers.VideoState("clip", 640, 360, 25.0, 60, 37, False),
        [
            answers.RegionState("overall", "overall"),
            answers.RegionState("shaft", "Shaft <b>\u00e9</b>"),
        ],
        [answers.InstanceState(1, ""), answers.InstanceState(2, "Spitze <b>\u00e9</b>")],
        [answers.ScopeState(1, "overall", "#0072B2", 2, 30, 3, True)],
        ["k1", "Spitze <b>\u00e9</b>"],
        [("k1", "Spitze <b>\u00e9</b>")],
        answers.ModelState(
            "nano",
            "cpu",
            "ready",
            "Small built-in preview model.",
            "nano, of 1: Spitze <b>\u00e9</b>.",
            answers.ModelOffer("sam2.1_hiera_tiny", 156008466),
        ),
        answers.JobState("Tracking instance 1, overall", 3, 60, 4.2),
        "point",
        None,
        False,
        True,
        [answers.Notice(7, "warning", "The video is truncated.")],
        answers.ModelDownload("sam2.1_hiera_tiny", 1048576, 156008466),
    ),
    answers.Frame(12, 960, 540, buffers=BUFFERS[1]),
    answers.NotReady(50, 37),
    answers.Times(2, buffers=BUFFERS[3]),
    answers.Overlay(
        12,
        42,
        [OVERLAY],
        [answers.PointItem(1, "overall", 0, 101.5, 77, 1)],
        [answers.BoxItem(1, "overall", 1, 2.5, 100, 90)],
        [answers.KeypointItem(2, "Spitze <b>\u00e9</b>", 5, 6.25, False)],
        buffers=BUFFERS[4],
    ),
    answers.Overlay(
        3, 43, [], [], [], [], answers.StepItem("Undid: point on frame 3", 3, 1, "overall")
    ),
    answers.Done(),
    answers.Failed(
        "The point (700, 20) lies outside the frame of 640 x 360 pixels; click inside it."
    ),
    answers.Choices(
        "videos",
        [answers.VideoChoice("day 1/clip.mp4", 5000000000)],
        [
            answers.ProjectChoice(
                "/data/clip.mp4", "Spitze <b>\u00e9</b>", 1700000000.5, "The video is gone."
            )
        ],
    ),
    answers.Download("t-1", "clip.json", 12),
    answers.Chunk(4, buffers=(b"\x00\x01{}",)),
    answers.Upload("t-1", "clip-2.mp4", 1048576),
    answers.LoadPreview("clip.json", ["Adds 3 points."], []),
    answers.Saved("outputs/clip"),
    answers.Lanes(
        42,
        8,
        [(0, 2), (5, 6)],
        [answers.LaneItem(2, "shaft", 0)],
        [answers.KeypointLaneItem(1, 1)],
        buffers=BUFFERS[14],
    ),
    answers.Frame(
        12,
        960,
        540,
        answers.Overlay(12, 42, [OVERLAY], [], [], [], buffers=BUFFERS[15][1:]),
        buffers=BUFFERS[15][:1],
    ),
    answers.Models(
        [answers.ModelChoice("sam2.1_hiera_tiny", 156008466, False, "Spitze <b>\u00e9</b>")]
    ),
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300)
    | st.floats()
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def request(kind: str) -> dict[str, Any]:
    """Return a fresh golden request."""
    return dict(next(content for content in REQUESTS if content["kind"] == kind))


# Golden files


@pytest.mark.parametrize(("content", "expected"), [*zip(REQUESTS, PARSED, strict=True)])
def test_a_golden_request_parses(content: dict[str, Any], expected: requests.Request) -> None:
    assert wire.parse(content) == expected


@pytest.mark.parametrize(("golden", "answer"), [*zip(ANSWERS, ENCODED, strict=True)])
def test_an_answer_is_encoded_as_the_golden_one(
    golden: dict[str, Any], answer: answers.Answer
) -> None:
    content, buffers = wire.encode(golden["content"]["id"], "v-1", answer)
    assert json.loads(json.dumps(content)) == golden["content"]
    assert buffers == [b64decode(buffer) for buffer in golden["buffers"]]


def test_the_buffers_of_a_request_come_with_it() -> None:
    content = request("upload_chunk")
    assert bytes(wire.parse(content, [b"abc"]).buffers[0]) == b"abc"
    with pytest.raises(wire.MessageError, match="Unexpected field 'buffers'"):
        wire.parse(content | {"buffers": []}, [b"abc"])


def test_every_kind_of_message_has_a_golden_one() -> None:
    assert {content["kind"] for content in REQUESTS} == wire.REQUESTS.keys()
    kinds = {cls.kind for cls in answers.Answer.__subclasses__()}
    assert {answer["content"]["kind"] for answer in ANSWERS} == kinds


def test_the_golden_times_are_little_endian_doubles() -> None:
    import numpy as np

    assert np.frombuffer(BUFFERS[3][0], "<f8").tolist() == [0.0, 0.04]


# Hostile requests


@given(json_values)
def test_anything_that_is_no_request_is_a_message_error(content: object) -> None:
    with pytest.raises(wire.MessageError):
        wire.parse(content)


@given(st.sampled_from(REQUESTS), st.data())
def test_one_hostile_field_is_a_message_error_or_a_request_of_sound_types(
    golden: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(golden)))
    content = golden | {name: data.draw(json_values)}
    try:
        parsed = wire.parse(content)
    except wire.MessageError:
        return
    assert type(parsed.id) is int
    assert type(parsed.view) is str
    if isinstance(parsed, requests.AddPoint):
        assert [type(parsed.frame), type(parsed.label), type(parsed.region)] == [int, int, str]
        assert abs(float(parsed.x)) < float("inf")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("add_point", "x", float("nan")),
        ("add_point", "x", float("inf")),
        ("add_point", "x", 10**400),
        ("add_point", "x", "12"),
        ("add_point", "x", True),
        ("add_point", "x", None),
        ("add_point", "frame", 1.0),
        ("add_point", "frame", True),
        ("add_point", "frame", 2**53),
        ("add_point", "frame", -(2**64)),
        ("add_point", "region", ["shaft"]),
        ("add_point", "region", None),
        ("add_point", "view", 5),
        ("add_point", "id", "1"),
        ("track", "scopes", [[1]]),
        ("track", "scopes", [[1, "shaft", 3]]),
        ("track", "scopes", [["1", "shaft"]]),
        ("track", "scopes", {"1": "shaft"}),
        ("track", "scopes", "all"),
        ("track", "direction", "sideways"),
        ("track", "direction", ["both"]),
        ("track", "direction", None),
        ("track", "start", "0"),
        ("track", "force", 1),
        ("track", "force", None),
    ],
)
def test_a_field_of_the_wrong_type_is_named(kind: str, field: str, value: object) -> None:
    with pytest.raises(wire.MessageError, match=rf"\.{field} cannot be "):
        wire.parse(request(kind) | {field: value})


@pytest.mark.parametrize("content", REQUESTS, ids=lambda content: content["kind"])
def test_a_field_that_is_not_agreed_on_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(wire.MessageError, match="Unexpected field '__class__'"):
        wire.parse(content | {"__class__": "x"})


@pytest.mark.parametrize("field", ["id", "view", "frame", "x", "label"])
def test_a_missing_field_is_named(field: str) -> None:
    content = request("add_point")
    del content[field]
    with pytest.raises(wire.MessageError, match=f"Incomplete AddPoint: .*'{field}'"):
        wire.parse(content)


@pytest.mark.parametrize("kind", ["state", "Hello", "__init__", "", 5, None, ["hello"], {}])
def test_an_unknown_kind_is_refused_with_advice(kind: object) -> None:
    with pytest.raises(wire.MessageError, match=r"Unknown request .*reload the page"):
        wire.parse({"id": 1, "view": "v-1", "kind": kind})


def test_a_deeply_nested_value_is_refused_in_a_short_sentence() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    for content in (request("add_point") | {"x": nested}, request("hello") | {"kind": nested}):
        with pytest.raises(wire.MessageError) as refused:
            wire.parse(content)
        assert len(str(refused.value)) < 200


def test_a_long_text_is_shortened_in_the_answer() -> None:
    with pytest.raises(wire.MessageError) as refused:
        wire.parse(request("track") | {"direction": "x" * 10**6})
    assert len(str(refused.value)) < 200
