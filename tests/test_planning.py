"""Plans of runs: sets of frames and steps in a few bytes say what sets and lists would."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import Scope
from sam2_widget.planning import FrameSet, Pass, Steps

LENGTH = 12
sets = st.sets(st.integers(0, LENGTH - 1))


def frame_set(frames: set[int]) -> FrameSet:
    flags = np.zeros(LENGTH, dtype=bool)
    flags[list(frames)] = True
    return FrameSet(flags)


@given(sets, sets)
def test_a_set_of_frames_is_a_set(frames: set[int], added: set[int]) -> None:
    made, model = frame_set(frames), set(frames)
    for frame in added:
        made.add(frame)
        model.add(frame)
    assert made.frames.tolist() == sorted(model)
    for frame in range(-3, LENGTH + 3):
        assert (frame in made) == (frame in model)


@given(st.lists(st.tuples(st.booleans(), sets), max_size=5), sets)
def test_steps_go_forward_then_backward_through_what_any_pass_wants(
    wanted: list[tuple[bool, set[int]]], left_out: set[int]
) -> None:
    passes = [
        Pass(Scope(number, "shaft"), reverse, frame_set(frames), frame_set(set()), "rev")
        for number, (reverse, frames) in enumerate(wanted, 1)
    ]
    ahead = sorted({f for reverse, frames in wanted if not reverse for f in frames})
    back = sorted({f for reverse, frames in wanted if reverse for f in frames})
    expected = [(frame, False) for frame in ahead] + [(frame, True) for frame in back[::-1]]
    kept = [step for step in expected if step[0] not in left_out]
    for each, drop in ((expected, False), (kept, True)):
        steps = Steps(passes)
        if drop:
            assert steps.keep(lambda step: step[0] not in left_out) == (kept != expected)
        assert len(steps) == len(each)
        seen = []
        while steps:
            seen.append(steps.next)
            steps.advance()
        assert seen == each
