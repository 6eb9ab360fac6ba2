"""What the browser is shown: a live project as messages."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sam2_widget import answers, views
from sam2_widget.catalogue import CATALOGUE
from sam2_widget.models import NANO_NOTE

if TYPE_CHECKING:
    from sam2_widget.annotations import Scope
    from sam2_widget.engine_slot import ModelStatus
    from sam2_widget.history import Step
    from sam2_widget.live import Live
    from sam2_widget.tracking import TrackJob


def state(live: Live, since: int | None = None) -> answers.State:
    """Return everything small; `changed` names the frames that changed after `since`."""
    # The revision first: what is read after it may be newer, never older.
    revision = live.changes.revision
    changed = None if since is None else live.changes.since(since)
    history = live.history
    return answers.State(
        revision=revision,
        changed=changed,
        video=_video(live),
        regions=[answers.RegionState(r, live.labels.region_name(r)) for r in live.regions],
        instances=_instances(live),
        scopes=[_scope(live, scope) for scope in live.scopes()],
        keypoint_names=live.keypoints.names(),
        skeleton=list(live.skeleton),
        model=_model(live.status),
        job=_job(live.queue.job),
        undo=history.done[-1].text if history.done else None,
        redo=history.undone[-1].text if history.undone else None,
        read_only=live.read_only,
        saved=not live.unsaved,
        # That the project is read-only, the view says itself, with the way out.
        notices=[
            answers.Notice(notice.id, notice.level, notice.text)
            for notice in live.notices
            if notice.text != live.held_elsewhere
        ],
        download=_download(live),
    )


def overlay(live: Live, frame: int, step: answers.StepItem | None = None) -> answers.Overlay:
    """Return all masks, prompts and keypoints of a frame."""
    revision = live.changes.revision
    masks: list[answers.MaskItem] = []
    points: list[answers.PointItem] = []
    boxes: list[answers.BoxItem] = []
    buffers: list[bytes] = []
    for scope in live.scopes():
        record = live.masks.record(scope, frame)
        if record is not None:
            packed = live.masks.packed(scope, frame)
            masks.append(
                answers.MaskItem(
                    *scope,
                    color=live.labels.color(scope),
                    source=record.source,
                    stale=views.is_stale(live, scope, frame),
                    x=packed.x,
                    y=packed.y,
                    width=packed.width,
                    height=packed.height,
                    buffer=len(buffers),
                    model=record.model,
                )
            )
            buffers.append(packed.data)
        prompts = live.annotations.at(scope, frame)
        for index, point in enumerate(prompts.points if prompts else ()):
            points.append(answers.PointItem(*scope, index, point.x, point.y, point.label))
        if prompts and prompts.box:
            box = prompts.box
            boxes.append(answers.BoxItem(*scope, box.x0, box.y0, box.x1, box.y1))
    keypoints = [
        answers.KeypointItem(instance, k.name, k.x, k.y, k.visible)
        for instance, frames in sorted(live.keypoints.instances.items())
        for k in frames.get(frame, ())
    ]
    return answers.Overlay(
        frame, revision, masks, points, boxes, keypoints, step, buffers=tuple(buffers)
    )


def lanes(live: Live, since: int) -> answers.Lanes:
    """Return what changed after a revision on the frames of every scope."""
    reading = live.lanes.read(since)
    planes = [planes for _, planes in (*reading.scopes, *reading.keypoints)]
    return answers.Lanes(
        reading.revision,
        reading.length,
        reading.ranges,
        [answers.LaneItem(*scope, number) for number, (scope, _) in enumerate(reading.scopes)],
        [
            answers.KeypointLaneItem(instance, number)
            for number, (instance, _) in enumerate(reading.keypoints, len(reading.scopes))
        ],
        buffers=tuple(zlib.compress(each.tobytes(), 1) for each in planes),
    )


def step_item(live: Live, step: Step, verb: str) -> answers.StepItem:
    """Return what an undo or redo did, in words, and where."""
    instance, region = step.scope
    if step.keypoints and not step.changes:
        # Keypoints alone belong to no region.
        what, region = f"instance {instance}", ""
    else:
        what = str(step.scope)
    where = "" if step.frame is None else f", frame {step.frame}, {what}"
    if region and region not in live.regions:
        # It went with the step; the view stays where it is, or leaves the region as well.
        region = live.ui.get("region", live.regions[0])
    return answers.StepItem(f"{verb}: {step.text}{where}", step.frame, instance, region)


def _video(live: Live) -> answers.VideoState:
    video = live.video
    return answers.VideoState(
        name=live.root.name,
        width=video.width,
        height=video.height,
        fps=video.fps,
        frames=video.known_length,
        ready=video.ready,
        complete=video.complete,
    )


def _model(status: ModelStatus) -> answers.ModelState:
    offer = None
    if status.status == "ready" and status.note == NANO_NOTE:
        entry = CATALOGUE.get(f"sam2.1_hiera_{status.suits}")
        offer = answers.ModelOffer(entry.name, entry.size) if entry else None
    return answers.ModelState(
        status.name, status.device, status.status, status.note, status.reason, offer
    )


def _download(live: Live) -> answers.ModelDownload | None:
    now = live.download.now
    return answers.ModelDownload(now.name, now.done, now.total) if now else None


def _instances(live: Live) -> list[answers.InstanceState]:
    names = live.labels.instance_names
    numbers = {*live.keypoints, *names, *(scope.instance for scope in live.scopes())}
    return [answers.InstanceState(number, names.get(number, "")) for number in sorted(numbers)]


def _scope(live: Live, scope: Scope) -> answers.ScopeState:
    prompts = live.annotations.of(scope)
    return answers.ScopeState(
        *scope,
        color=live.labels.color(scope),
        prompts=sum(len(given) for given in prompts.values()),
        masks=live.masks.count(scope),
        stale=live.masks.count_stale(scope, live.annotations.revision(scope)),
        own_color=scope in live.labels.colors,
    )


def _job(job: TrackJob | None) -> answers.JobState | None:
    if job is None:
        return None
    done, total, seconds = job.progress
    return answers.JobState(job.text, done, total, None if seconds is None else round(seconds, 1))
