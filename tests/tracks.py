"""Tells what was tracked: by an engine, and in a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.projects import calls

if TYPE_CHECKING:
    from sam2_widget.engines.fake import FakeEngine
    from sam2_widget.session import Session

OVERALL, SHAFT = (1, "overall"), (1, "shaft")


def stepped(engine: FakeEngine, scope: tuple[int, str] = OVERALL) -> list[object]:
    """Return the frames that an engine tracked, in order."""
    return [call[2] for call in calls(engine, "step") if call[1] == scope]


def tracked(session: Session, scope: tuple[int, str] = OVERALL) -> list[int]:
    """Return the frames of a scope with a tracked mask."""
    table = session.to_dataframe()
    chosen = (table["instance"] == scope[0]) & (table["region"] == scope[1])
    return table[chosen & (table["source"] == "track")]["frame"].tolist()
