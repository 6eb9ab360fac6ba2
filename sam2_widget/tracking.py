"""Tracking in the background: what a run does frame by frame, and the job that users hold."""

from __future__ import annotations

import threading
import time
import uuid
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sam2_widget.engines.base import Engine, FrameInput, Mask, Neighbour, Segmentation
from sam2_widget.errors import Sam2WidgetError
from sam2_widget.masks import EncodedMask, MaskStore, encode
from sam2_widget.records import MaskRecord, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from sam2_widget.annotations import Scope
    from sam2_widget.planning import Pass, Plan
    from sam2_widget.saver import Saver


class TrackJob:
    """A tracking run in the background.

    Iterating yields frame indices as their masks are saved; a slow loop body never holds the run
    back. The job goes on when a cell that waits for it is interrupted; `cancel` stops it.
    """

    def __init__(self, text: str, on_cancel: Callable[[], None]) -> None:
        self.text = text
        self._on_cancel = on_cancel
        self._total = 0
        self._frames = array("i")
        self._done = 0
        self._moved = threading.Condition()
        self._finished = False
        self._cancelled = False
        self._error: BaseException | None = None
        self._started: float | None = None

    @property
    def progress(self) -> tuple[int, int, float | None]:
        """(frames done, frames in all, seconds left or None while that is unknown)."""
        with self._moved:
            done, total = self._done, self._total
            if self._finished or not done or self._started is None:
                return done, total, 0.0 if self._finished else None
            each = (time.monotonic() - self._started) / done
            return done, total, each * (total - done)

    @property
    def finished(self) -> bool:
        """Whether the run has ended: done, cancelled or failed."""
        with self._moved:
            return self._finished

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called before the run had ended."""
        with self._moved:
            return self._cancelled

    def cancel(self) -> None:
        """Stop after the frame at hand; what is done stays, and `track` resumes from there."""
        with self._moved:
            if not self._finished:
                self._cancelled = True
        # A run that waits, for frames or for another run, ends at once.
        self._on_cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the run to end.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        bool
            False if the time ran out.

        Raises
        ------
        Exception
            What made the run fail, if it failed.
        """
        with self._moved:
            ended = self._moved.wait_for(lambda: self._finished, timeout)
            if self._error is not None:
                raise self._error
        return ended

    def __iter__(self) -> Iterator[int]:
        """Iterate over the frames whose masks are saved, those of the past first.

        Raises
        ------
        Exception
            What made the run fail, if it failed.
        """
        position = 0
        while (frame := self._frame_at(position)) is not None:
            position += 1
            yield frame
        self.wait()

    def __repr__(self) -> str:
        """Return a line that says how far the run is."""
        done, total, _ = self.progress
        return f"<TrackJob {self.text}: {done} of {total} frames>"

    def _frame_at(self, position: int) -> int | None:
        """Return the frame saved at that place in order, None when the run ended before."""
        with self._moved:
            self._moved.wait_for(lambda: len(self._frames) > position or self._finished)
            return self._frames[position] if position < len(self._frames) else None

    def _start(self) -> None:
        with self._moved:
            if self._started is None:
                self._started = time.monotonic()

    def _plan(self, left: int) -> None:
        with self._moved:
            self._total = self._done + left

    def _did(self, frame: int) -> None:
        with self._moved:
            self._done += 1
            self._frames.append(frame)
            self._moved.notify_all()

    def _end(self, error: BaseException | None = None) -> None:
        with self._moved:
            self._finished = True
            self._error = error
            self._moved.notify_all()


@dataclass(frozen=True, slots=True)
class Tracked:
    """A mask of a run, ready to be saved."""

    mask: Mask
    record: MaskRecord
    encoded: EncodedMask


class TrackRun:
    """One run, step by step; the session's worker calls it, and nobody else.

    Masks are saved behind it, while the next frame is tracked.

    Parameters
    ----------
    job : TrackJob
        What the user holds.
    make : callable
        Returns what there is to do now.
    engine, masks
        What does it, and where the masks beside a pass are read.
    given : callable
        Returns the input of every prompted frame of a scope, as it is now.
    save : callable
        Saves a mask of a scope.
    saver : Saver
        Runs `save`; used by no other run at the same time.
    moved : callable
        Called when the masks of a frame are saved.
    clean : callable
        Returns a mask of the model as it is saved; the model goes on with its own.
    """

    def __init__(
        self,
        job: TrackJob,
        make: Callable[[], Plan],
        engine: Engine,
        masks: MaskStore,
        given: Callable[[Scope], Mapping[int, FrameInput]],
        save: Callable[[Scope, Tracked], None],
        saver: Saver,
        moved: Callable[[], None],
        clean: Callable[[Mask], Mask],
    ) -> None:
        self.job = job
        self._make = make
        self._engine = engine
        self._masks = masks
        self._given = given
        self._save_mask = save
        self._saver = saver
        self._moved = moved
        self._clean = clean
        self._length: int | None = None
        self._steps = 0
        self._run = uuid.uuid4().hex[:8]
        self.plan()

    @property
    def id(self) -> str:
        """What its masks are marked with."""
        return self._run

    def plan(self) -> None:
        """See what there is to do now; before the first step."""
        self._plan = self._make()
        self.job._plan(len(self._plan.steps))

    @property
    def next_frame(self) -> int | None:
        """The frame the next step needs, None when there is nothing left to do."""
        steps = self._plan.steps
        return steps.next[0] if steps and not self.job.cancelled else None

    def step(self) -> None:
        """Track all scopes of the run on its next frame.

        Raises
        ------
        Exception
            What kept a mask of an earlier frame from being saved, or this one from being tracked.
        """
        self._saver.check()
        self._steps += 1
        self.job._start()
        frame, reverse = self._plan.steps.next
        self._track([each for each in self._plan.passes if each.wants(frame, reverse)], frame)
        self._plan.steps.advance()
        self._saver.then(lambda: self._did(frame))

    def settle(self) -> None:
        """Return once all that was tracked is saved.

        Raises
        ------
        Exception
            What kept a mask from being saved.
        """
        self.flush()
        self._saver.check()

    def flush(self) -> None:
        """Return once all that was tracked is saved, or given up."""
        self._saver.flush()

    def drop(self, scope: Scope) -> None:
        """Take a scope out of the run: what was written stays, the others go on."""
        passes = [each for each in self._plan.passes if each.scope == scope]
        if passes:
            for each in passes:
                self._plan.passes.remove(each)
            self._engine.end(scope)
            self._keep(lambda step: any(each.wants(*step) for each in self._plan.passes))

    def skip_beyond(self, length: int) -> None:
        """Leave out frames that a shorter video than announced does not have."""
        if length != self._length:
            self._length = length
            self._keep(lambda step: step[0] < length)

    def finish(self, error: BaseException | None = None) -> None:
        """End the run and wake who waits for it; what was tracked is saved before."""
        if self._steps:
            unsaved = self._saver.take_error()
            error = unsaved if error is None else error
            # A run that never came to its turn has no passes in the engine: another has them.
            for scope in {each.scope for each in self._plan.passes}:
                self._engine.end(scope)
        self.job._end(error)

    def _did(self, frame: int) -> None:
        self.job._did(frame)
        self._moved()

    def _keep(self, wanted: Callable[[tuple[int, bool]], bool]) -> None:
        """Do only those of the steps left that are wanted."""
        if self._plan.steps.keep(wanted):
            self.job._plan(len(self._plan.steps))

    def _track(self, passes: list[Pass], frame: int) -> None:
        for each in passes:
            follows = each.at is not None and abs(frame - each.at) == 1
            if not follows:
                self._begin(each, frame)
        of: dict[Hashable, Pass] = {each.scope: each for each in passes}
        for scope, result in self._engine.steps(list(of), frame):
            each = of[scope]
            self._save(each, frame, result)
            each.fresh.add(frame)
            each.at = frame

    def _begin(self, each: Pass, frame: int) -> None:
        # It may read masks that this run made.
        self.settle()
        prompted = self._given(each.scope)
        beside = [self._neighbour(each.scope, f) for f in each.neighbours(frame)]
        self._engine.begin(
            each.scope, prompted, reverse=each.reverse, run=self._run, neighbours=beside
        )

    def _neighbour(self, scope: Scope, frame: int) -> Neighbour:
        record = self._masks.record(scope, frame)
        return Neighbour(
            frame, record.run if record else "", lambda: self._masks.read(scope, frame)
        )

    def _save(self, each: Pass, frame: int, result: Segmentation) -> None:
        def prepare() -> Tracked:
            mask = self._clean(result.mask)
            record = measure(
                mask,
                frame,
                "track",
                run=self._run,
                score=result.score,
                revision=each.revision,
                model=self._engine.name,
            )
            return Tracked(mask, record, encode(mask))

        self._saver.put(prepare, lambda tracked: self._save_mask(each.scope, tracked))


class TrackQueue:
    """Runs one tracking run after the other in the gaps that users' actions leave.

    Parameters
    ----------
    soon : callable
        Queues a task on the worker behind all users' actions.
    is_ready : callable
        Whether a frame can be tracked without waiting; raises what keeps it from ever being.
    length : callable
        Number of frames of the video once that is certain, None before.
    moved : callable
        Called at the end of every run.
    failed : callable
        Called with a job and its error when its run fails.

    Attributes
    ----------
    ended : TrackJob or None
        The job that ended last.
    """

    def __init__(
        self,
        soon: Callable[[Callable[[], None]], object],
        is_ready: Callable[[int], bool],
        length: Callable[[], int | None],
        moved: Callable[[], None],
        failed: Callable[[TrackJob, Exception], None],
    ) -> None:
        self._soon = soon
        self._is_ready = is_ready
        self._length = length
        self._moved = moved
        self._failed = failed
        self.ended: TrackJob | None = None
        self._lock = threading.Lock()
        self._runs: list[TrackRun] = []
        self._queued = False

    @property
    def job(self) -> TrackJob | None:
        """The job at work, or None."""
        with self._lock:
            return self._runs[0].job if self._runs else None

    def add(self, run: TrackRun) -> None:
        """Queue a run."""
        with self._lock:
            self._runs.append(run)
        self.wake()

    def wake(self) -> None:
        """Go on if there is anything to do; called when frames have arrived."""
        with self._lock:
            if self._queued or not self._runs:
                return
            self._queued = True
        try:
            self._soon(self._step)
        except Sam2WidgetError:
            with self._lock:
                self._queued = False

    def drop(self, scope: Scope) -> None:
        """Take a scope out of the run at work; one that waits is planned when its turn comes."""
        with self._lock:
            runs = self._runs[:1]
        for run in runs:
            run.drop(scope)

    def cancel(self) -> None:
        """Cancel all runs."""
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.job.cancel()

    def close(self, error: BaseException | None = None) -> None:
        """End all runs without another step."""
        with self._lock:
            runs, self._runs = self._runs, []
        for run in runs:
            run.job.cancel()
            run.finish(error)
            self.ended = run.job

    def _step(self) -> None:
        with self._lock:
            self._queued = False
            runs = list(self._runs)
        for waiting in runs[1:]:
            if waiting.job.cancelled:
                self._end(waiting)
        if runs and self._advance(runs[0]):
            self.wake()

    def _advance(self, run: TrackRun) -> bool:
        """Do a step, or end the run; False while its frame is not extracted yet."""
        try:
            length = self._length()
            if length is not None:
                run.skip_beyond(length)
            frame = run.next_frame
            if frame is not None and not self._is_ready(frame):
                return False
            if frame is not None:
                run.step()
            if run.next_frame is None:
                run.settle()
        except Exception as error:  # the run fails, the session goes on
            self._end(run, error)
            self._failed(run.job, error)
        else:
            if run.next_frame is None:
                self._end(run)
        return True

    def _end(self, run: TrackRun, error: Exception | None = None) -> None:
        with self._lock:
            first = self._runs[0] is run
            self._runs.remove(run)
            following = self._runs[:1] if first else []
        run.flush()
        self.ended = run.job
        for each in following:
            # What the run before it made is fresh now.
            each.plan()
        run.finish(error)
        self._moved()
