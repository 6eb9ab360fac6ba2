"""The wire, from Python's side: the golden files hold, and hostile requests end at the door."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget import messages as m
from sam2_widget import wire

GOLDEN = Path(__file__).parent / "messages"
REQUESTS: list[dict[str, Any]] = json.loads((GOLDEN / "requests.json").read_text("utf-8"))
ANSWERS: list[dict[str, Any]] = json.loads((GOLDEN / "answers.json").read_text("utf-8"))
OVERLAY = m.MaskItem(1, "overall", "#0072B2", "click", False, 3, 1, 11, 4, 0, "nano")
"""The one mask of the golden overlay."""

PARSED: list[m.Request] = [
    m.Hello(1, "v-1"),
    m.Listen(2, "v-1", 41),
    m.Bye(3, "v-1"),
    m.Ping(4, "v-1"),
    m.GetFrame(5, "v-1", 12, 960, True),
    m.GetTimes(6, "v-1"),
    m.GetOverlay(7, "v-1", 12),
    m.AddPoint(8, "v-1", 12, 2, "shaft", 101.5, 77, 0),
    m.Undo(9, "v-1"),
    m.Redo(10, "v-1"),
    m.Track(11, "v-1", [(1, "overall"), (2, "shaft")], 10, 60, "forward", True),
    m.Cancel(12, "v-1"),
    m.Track(99, "v-1"),
    m.Track(100, "v-1", None, None, None, "both", False),
    m.MovePoint(200, "v-1", 12, 2, "shaft", 1, 5, 6.25),
    m.RemovePoint(201, "v-1", 12, 2, "shaft", 0),
    m.SetBox(202, "v-1", 12, 2, "shaft", 1, 2.5, 100, 90),
    m.ClearFrame(203, "v-1", 12, 2, "shaft"),
    m.DeleteScope(204, "v-1", 2, "shaft"),
    m.AddRegion(205, "v-1", "tip-2"),
    m.AddKeypoint(206, "v-1", 12, 2, 5, 6.25, None),
    m.AddKeypoint(207, "v-1", 12, 2, 5, 6.25, "Spitze <b>\u00e9</b>"),
    m.MoveKeypoint(208, "v-1", 12, 2, "k1", 5, 6.25),
    m.RemoveKeypoint(209, "v-1", 12, 2, "k1"),
    m.SetKeypointVisible(210, "v-1", 12, 2, "k1", False),
    m.ClearKeypoints(211, "v-1", 12, 2),
    m.CopyKeypoints(212, "v-1", 12, 2),
    m.NextGap(213, "v-1", 12, 2),
    m.Brush(300, "v-1", 12, 2, "shaft", [(5, 6.25), (7.5, 8)], 4.5, True),
    m.DeleteInstance(301, "v-1", 2),
    m.RenameInstance(302, "v-1", 2, "Spitze <b>\u00e9</b>"),
    m.RenameRegion(303, "v-1", "shaft", "Spitze <b>\u00e9</b>"),
    m.SetColor(304, "v-1", 2, "shaft", "#12AB9f"),
    m.SetColor(305, "v-1", 2, "shaft", None),
    m.Save(306, "v-1"),
    m.Reload(307, "v-1"),
    m.TryLock(308, "v-1"),
    m.Export(309, "v-1", None, None),
    m.Export(310, "v-1", 2, "shaft"),
    m.GetChunk(311, "v-1", "t-1", 1048576),
    m.BeginUpload(312, "v-1", "video", "Spitze <b>\u00e9</b>.mp4", 5000000000, 1700000000000),
    m.UploadChunk(313, "v-1", "t-1", 1048576),
    m.CancelUpload(314, "v-1", "t-1"),
    m.PreviewLoad(315, "v-1", "t-1"),
    m.ApplyLoad(316, "v-1", "t-1", "replace"),
    m.ListVideos(317, "v-1"),
    m.OpenVideo(318, "v-1", "day 1/clip.mp4"),
    m.GetLanes(400, "v-1", 41),
    m.ListModels(500, "v-1"),
    m.SetModel(501, "v-1", "sam2.1_hiera_tiny"),
    m.DownloadModel(502, "v-1", "sam2.1_hiera_tiny"),
    m.CancelDownload(503, "v-1"),
]
BUFFERS = [tuple(b64decode(buffer) for buffer in answer["buffers"]) for answer in ANSWERS]
ENCODED: list[m.Answer] = [
    m.State(
        42,
        [(0, 5), (12, 13)],
        m.VideoState("clip", 640, 360, 25.0, 60, 37, False),
        [m.RegionState("overall", "overall"), m.RegionState("shaft", "Shaft <b>\u00e9</b>")],
        [m.InstanceState(1, ""), m.InstanceState(2, "Spitze <b>\u00e9</b>")],
        [m.ScopeState(1, "overall", "#0072B2", 2, 30, 3, True)],
        ["k1", "Spitze <b>\u00e9</b>"],
        [("k1", "Spitze <b>\u00e9</b>")],
        m.ModelState(
            "nano",
            "cpu",
            "ready",
            "Small built-in preview model.",
            "nano, of 1: Spitze <b>\u00e9</b>.",
            m.ModelOffer("sam2.1_hiera_tiny", 156008466),
        ),
        m.JobState("Tracking instance 1, overall", 3, 60, 4.2),
        "point",
        None,
        False,
        True,
        [m.Notice(7, "warning", "The video is truncated.")],
        m.ModelDownload("sam2.1_hiera_tiny", 1048576, 156008466),
    ),
    m.Frame(12, 960, 540, buffers=BUFFERS[1]),
    m.NotReady(50, 37),
    m.Times(2, buffers=BUFFERS[3]),
    m.Overlay(
        12,
        42,
        [OVERLAY],
        [m.PointItem(1, "overall", 0, 101.5, 77, 1)],
        [m.BoxItem(1, "overall", 1, 2.5, 100, 90)],
        [m.KeypointItem(2, "Spitze <b>\u00e9</b>", 5, 6.25, False)],
        buffers=BUFFERS[4],
    ),
    m.Overlay(3, 43, [], [], [], [], m.StepItem("Undid: point on frame 3", 3, 1, "overall")),
    m.Done(),
    m.Failed("The point (700, 20) lies outside the frame of 640 x 360 pixels; click inside it."),
    m.Choices(
        "videos",
        [m.VideoChoice("day 1/clip.mp4", 5000000000)],
        [
            m.ProjectChoice(
                "/data/clip.mp4", "Spitze <b>\u00e9</b>", 1700000000.5, "The video is gone."
            )
        ],
    ),
    m.Download("t-1", "clip.json", 12),
    m.Chunk(4, buffers=(b"\x00\x01{}",)),
    m.Upload("t-1", "clip-2.mp4", 1048576),
    m.LoadPreview("clip.json", ["Adds 3 points."], []),
    m.Saved("outputs/clip"),
    m.Lanes(
        42,
        8,
        [(0, 2), (5, 6)],
        [m.LaneItem(2, "shaft", 0)],
        [m.KeypointLaneItem(1, 1)],
        buffers=BUFFERS[14],
    ),
    m.Frame(
        12,
        960,
        540,
        m.Overlay(12, 42, [OVERLAY], [], [], [], buffers=BUFFERS[15][1:]),
        buffers=BUFFERS[15][:1],
    ),
    m.Models([m.ModelChoice("sam2.1_hiera_tiny", 156008466, False, "Spitze <b>\u00e9</b>")]),
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
def test_a_golden_request_parses(content: dict[str, Any], expected: m.Request) -> None:
    assert wire.parse(content) == expected


@pytest.mark.parametrize(("golden", "answer"), [*zip(ANSWERS, ENCODED, strict=True)])
def test_an_answer_is_encoded_as_the_golden_one(golden: dict[str, Any], answer: m.Answer) -> None:
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
    answers = {cls.kind for cls in m.Answer.__subclasses__()}
    assert {answer["content"]["kind"] for answer in ANSWERS} == answers


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
    if isinstance(parsed, m.AddPoint):
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
