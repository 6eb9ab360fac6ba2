"""The engine next to sam2's own predictor: opening, tracking, correcting, clicking, memory.

    python -m benchmarks.engine [--quick] [--rounds N] [--json FILE] [--device D]
        [--random CONFIG [--image-size PIXELS]] [--only PART ...] [--frames N]
        [--cpu-time] [--batches]

Both sides in one process, one after the other, A-B-A-B, medians: the same stored frames, weights,
numbers and torch threads, and the masks of every frame compared, on a CPU bit for bit. Ours is a
whole `Session`: it reads each frame when its turn comes, and saves every mask as PNG with its
record and what undo needs. The plain side has read all frames beforehand, which only the rows say
that name it, and writes the same PNGs with the same encoder, without records. ``--random`` takes
one of sam2's configs with random weights in the place of nano: speed does not depend on weights.
``--cpu-time`` counts the CPU seconds of all threads, for a machine where others work: what runs
beside the loop then counts as if it did not. ``--batches`` compares nothing but ours with ours:
eight objects tracked one by one, on the plain side, with the same in batches.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks import memory
from benchmarks.clip import centre, write_clip
from sam2_widget import bits, models
from sam2_widget.annotations import Scope
from sam2_widget.engines.sam2 import Sam2Engine
from sam2_widget.engines.sam2.archive import thin
from sam2_widget.engines.sam2.loading import find_config, load_predictor
from sam2_widget.engines.sam2.memory import EVERY, nbytes
from sam2_widget.engines.sam2.precision import inference, limit_threads
from sam2_widget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from sam2_widget.engines.base import BatchObjects

    Masks = dict[tuple[int, int], npt.NDArray[np.uint8]]
    """Packed bits by instance and frame."""
    Row = dict[str, Any]


PARTS = ("opening", "memory", "tracking", "clicking")


@dataclass
class Model:
    """One set of weights, on both sides."""

    config: str
    checkpoint: Path
    device: torch.device
    plain: Any
    ours: Sam2Engine
    clock: Callable[[], float] = time.perf_counter


@dataclass
class Times:
    """Seconds of both sides, one entry a round."""

    plain: list[float]
    ours: list[float]


def load(config: str, checkpoint: Path, device: str) -> Model:
    """Load the weights on both sides."""
    where = torch.device(device)
    limit_threads(where)
    engine = Sam2Engine("benchmark", config, checkpoint, device)
    return Model(config, checkpoint, where, load_predictor(config, checkpoint, where), engine)


def random_model(config: str, folder: Path, image_size: int | None) -> tuple[str, Path]:
    """Return one of sam2's configs and a file of random weights for it."""
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    tree = OmegaConf.load(find_config(config))
    if image_size:
        tree.model.image_size = image_size
    yaml, weights = folder / "random.yaml", folder / "random.pt"
    OmegaConf.save(tree, yaml)
    torch.manual_seed(1)
    tree.model._target_ = "sam2.modeling.sam2_base.SAM2Base"
    model = instantiate(tree.model, _recursive_=True)
    # Random weights say "no object" as often as not, which makes every mask empty.
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(5.0)
    torch.save({"model": model.state_dict()}, weights)
    return str(yaml), weights


def timed(model: Model, action: Callable[[], object]) -> float:
    """Return the seconds an action takes."""
    _finish(model.device)
    started = model.clock()
    action()
    _finish(model.device)
    return model.clock() - started


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def row(name: str, plain: float, ours: float, goal: str, unit: str) -> Row:
    """Return a line of the table; the ratio is plain to ours."""
    return {
        "name": name,
        "plain": float(f"{plain:.4g}"),
        "ours": float(f"{ours:.4g}"),
        "ratio": round(plain / ours, 2),
        "goal": goal,
        "unit": unit,
    }


def seconds_row(name: str, times: Times, goal: str) -> Row:
    """Return a line from the times of all rounds."""
    return row(name, statistics.median(times.plain), statistics.median(times.ours), goal, "s")


# -- the two sides ----------------------------------------------------------------------------


class Plain:
    """``SAM2VideoPredictor`` with one state for all objects."""

    def __init__(self, model: Model, frames: Path, size: tuple[int, int]) -> None:
        self.predictor, self.device, self.size = model.plain, model.device, size
        with inference(self.device):
            self.state = self.predictor.init_state(str(frames))
        self.masks: Masks = {}

    def click(self, instance: int, frame: int, x: float, y: float) -> npt.NDArray[np.bool_]:
        """Give an object a point and return its mask."""
        with inference(self.device):
            _, ids, logits = self.predictor.add_new_points_or_box(
                self.state,
                frame,
                instance,
                points=np.array([(x, y)], np.float32),
                labels=np.array([1], np.int32),
            )
            masks: npt.NDArray[np.bool_] = (logits[:, 0] > 0).cpu().numpy()
        return masks[ids.index(instance)]

    def track(self, folder: Path) -> None:
        """Track all objects through all frames, each mask a PNG."""
        folder.mkdir(parents=True, exist_ok=True)
        with inference(self.device):
            for frame, ids, logits in self.predictor.propagate_in_video(self.state, 0):
                masks = (logits[:, 0] > 0).cpu().numpy()
                for instance, mask in zip(ids, masks, strict=True):
                    (folder / f"{instance}-{frame:05d}.png").write_bytes(bits.to_png(mask))
                    self.masks[instance, frame] = np.packbits(mask)

    def state_bytes(self) -> float:
        """Return bytes of an object's state per tracked frame."""
        outputs = self.state["output_dict_per_obj"][0]["non_cond_frame_outputs"]
        keys = ("maskmem_features", "pred_masks", "obj_ptr", "object_score_logits")
        return statistics.mean(sum(out[key].nbytes for key in keys) for out in outputs.values())


def open_ours(model: Model, clip: Path, folder: Path) -> Session:
    """Open a new project on a clip, nothing visited, all frames stored."""
    session = Session(clip, output_dir=folder, model=model.ours)
    session.video.wait()
    session.live.worker.run(lambda: None)
    return session


def track(session: Session) -> None:
    """Track all that is stale."""
    session.track().wait()


def masks_of(session: Session, instances: range) -> Masks:
    """Return all masks of a session."""
    return {
        (instance, frame): np.packbits(mask)
        for instance in instances
        for frame, mask in enumerate(session.masks[instance, "overall"])
    }


class Comparison:
    """The masks of both sides, compared on every frame.

    Where they must be equal, as on a CPU, the first that differ end the benchmark; elsewhere
    their overlaps are gathered, for a line of the table.
    """

    def __init__(self, exact: bool) -> None:
        self._exact = exact
        self._overlaps: list[float] = []

    def add(self, plain: Masks, ours: Masks) -> None:
        """Compare some masks."""
        assert plain.keys() == ours.keys()
        for key, mask in plain.items():
            if self._exact:
                assert np.array_equal(mask, ours[key]), f"the masks of {key} differ"
            union = np.bitwise_count(mask | ours[key]).sum()
            overlap = np.bitwise_count(mask & ours[key]).sum() / union if union else 1.0
            self._overlaps.append(float(overlap))

    def rows(self, what: str) -> list[Row]:
        """Return lines of how far they agree; none where they must."""
        if self._exact:
            return []
        mean, least = statistics.mean(self._overlaps), min(self._overlaps)
        name = f"IoU of the masks, {what}: mean, least"
        return [{**row(name, 1.0, max(least, 1e-6), ">= 0.99", "IoU"), "plain": round(mean, 5)}]


def point(instance: int, frame: int, size: tuple[int, int]) -> tuple[float, float]:
    """Return where an object is clicked; two objects share a disc."""
    x, y = centre(instance % 4, frame, *size)
    # Two decimals are what a project keeps of a click: both sides get the same.
    return round(float(x + 5 * (instance // 4)), 2), round(float(y), 2)


# -- rows -------------------------------------------------------------------------------------


def opening(model: Model, folder: Path, lengths: tuple[int, int], rounds: int) -> list[Row]:
    """Return the time from opening to the first mask."""
    size = (1280, 720)
    first, longer = lengths
    clips = {n: write_clip(folder / f"open-{n}.mp4", n, *size) for n in lengths}
    with open_ours(model, clips[first], folder / "stored") as session:
        frames = session.folder / "frames"
    times = {length: Times([], []) for length in lengths}
    for turn in range(rounds):
        for length, clip in clips.items():
            times[length].ours.append(open_and_click(model, clip, folder / f"o{length}{turn}"))
        started = model.clock()
        plain = Plain(model, frames, size)
        plain.click(1, 0, *point(1, 0, size))
        times[first].plain.append(model.clock() - started)
    took = {length: statistics.median(times[length].ours) for length in lengths}
    return [
        seconds_row(f"open to first mask, {first} frames", times[first], ">= 30"),
        {
            **row(f"open to first mask, {longer} frames against {first}", took[longer], took[first],
                  "<= 1.1", "s, ours alone"),
            "plain": None,
        },
    ]  # fmt: skip


def open_and_click(model: Model, clip: Path, folder: Path) -> float:
    """Return the seconds from opening a video of ours to its first mask."""
    started = model.clock()
    with Session(clip, output_dir=folder, model=model.ours) as session:
        session.add_point(0, *point(1, 0, (session.video.width, session.video.height)))
        return model.clock() - started


def tracking(
    model: Model, folder: Path, objects: int, length: int, rounds: int, goals: tuple[str, str]
) -> list[Row]:
    """Return the time of a first track, and of the next after one object was corrected."""
    size = (1280, 720)
    clip = write_clip(folder / f"track-{objects}.mp4", length, *size)
    first, again, whole, state = Times([], []), Times([], []), Times([], []), (0.0, 0.0)
    instances, middle = range(1, objects + 1), length // 2
    compared = Comparison(model.device.type == "cpu")
    for turn in range(rounds):
        home = folder / f"track-{objects}-{turn}"
        with open_ours(model, clip, home) as session:
            for instance in instances:
                session.add_point(0, *point(instance, 0, size), instance=instance)
            first.ours.append(timed(model, partial(track, session)))
            mine = masks_of(session, instances)
            stored = session.folder / "frames"

            started = model.clock()
            plain = Plain(model, stored, size)
            reading = model.clock() - started
            for instance in instances:
                plain.click(instance, 0, *point(instance, 0, size))
            first.plain.append(timed(model, partial(plain.track, home / "plain")))
            whole.plain.append(reading + first.plain[-1])
            whole.ours.append(first.ours[-1])
            compared.add(plain.masks, mine)
            state = plain.state_bytes(), our_state_bytes(model)

            where = point(1, middle, size)
            session.add_point(middle, *where)
            again.ours.append(timed(model, partial(track, session)))
            mine = masks_of(session, instances)
            plain.click(1, middle, *where)
            again.plain.append(timed(model, partial(plain.track, home / "plain")))
            compared.add(plain.masks, mine)
    what = "1 object" if objects == 1 else f"{objects} objects"
    corrected = "re-track, 1 object" if objects == 1 else f"re-track, 1 of {objects} corrected"
    rows = [
        seconds_row(f"first track, {what}, masks saved, {length} frames", first, goals[0]),
        seconds_row(f"the same, reading the frames included, {what}", whole, goals[0]),
        seconds_row(f"{corrected}, {length} frames", again, goals[1]),
    ]
    if objects == 1:
        rows.append(row("state per object and frame", *state, ">= 5.5", "bytes"))
    return rows + compared.rows(what)


def our_state_bytes(model: Model) -> float:
    """Return bytes of an object's state per tracked frame, as little as restarts exactly."""
    kept = [(frame, past) for (_, frame), past in model.ours.archive.items() if past.stretch]
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for frame, past in kept:
        assert past.stretch is not None
        sizes[past.stretch.is_key(frame)].append(nbytes(thin(frame, past)))
    # As in a long track, whatever the length of this one.
    key, other = (statistics.mean(sizes[each]) for each in (True, False))
    reach = model.ours._propagation.reach
    return (reach * key + (EVERY - reach) * other) / EVERY


def clicking(model: Model, folder: Path, objects: int, clicks: int) -> list[Row]:
    """Return the time of a click on a frame that was visited before, but not last.

    Until a view can show the mask, its prompt being saved, and until its PNG is saved too, which
    the plain side does not do at all.
    """
    size, length = (1920, 1080), 6
    clip = write_clip(folder / "click.mp4", length, *size)
    times, compared = Times([], []), Comparison(model.device.type == "cpu")
    saved: list[float] = []
    with open_ours(model, clip, folder / "click") as session:
        plain = Plain(model, session.folder / "frames", size)
        for frame in range(length):
            for instance in range(1, objects + 1):
                where = point(instance, frame, size)
                session.add_point(frame, *where, instance=instance)
                plain.click(instance, frame, *where)
        for number in range(clicks):
            frame, instance = number % length, objects + 1 + number // length
            where = point(instance, frame, size)
            plain_click = partial(plain.click, instance, frame, *where)
            theirs = list[Any]()
            shown, done, mine = click_ours(model, session, instance, frame, where)
            times.ours.append(shown)
            saved.append(done)
            times.plain.append(timed(model, lambda call=plain_click, to=theirs: to.append(call())))
            compared.add({(0, 0): np.packbits(theirs[0])}, {(0, 0): np.packbits(mine)})
    name = f"click on a visited frame, {objects} objects, 1080p"
    rows = [
        seconds_row(name, times, ">= 3"),
        seconds_row("the same, until ours has saved the PNG", Times(times.plain, saved), ""),
    ]
    return rows + compared.rows("clicks")


def click_ours(
    model: Model, session: Session, instance: int, frame: int, where: tuple[float, float]
) -> tuple[float, float, npt.NDArray[np.bool_]]:
    """Click as the widget does; return the seconds until shown and until saved, and the mask."""
    shown: list[float] = []
    _finish(model.device)
    started = model.clock()
    scope = Scope(instance, "overall")
    ended = session.add_point_soon(
        frame, *where, 1, scope, lambda: shown.append(model.clock() - started)
    )
    mask = ended.result()
    return shown[0], model.clock() - started, mask


def batching(model: Model, folder: Path, objects: int, length: int, rounds: int) -> list[Row]:
    """Return the time of a first track of objects one by one, the plain side, and in batches."""
    size, instances = (1280, 720), range(1, objects + 1)
    clip = write_clip(folder / "batches.mp4", length, *size)

    def once(wanted: BatchObjects, home: Path) -> tuple[float, Masks]:
        with Session(clip, output_dir=home, model=engines[wanted]) as session:
            session.video.wait()
            for instance in instances:
                session.add_point(0, *point(instance, 0, size), instance=instance)
            return timed(model, partial(track, session)), masks_of(session, instances)

    # The default batches nothing on a CPU; on CUDA its trial is part of the round not counted.
    choices: tuple[BatchObjects, ...] = (True,) if model.device.type == "cpu" else (True, "auto")
    engines: dict[BatchObjects, Sam2Engine] = {
        wanted: Sam2Engine(
            "benchmark", model.config, model.checkpoint, str(model.device), batch_objects=wanted
        )
        for wanted in (False, *choices)
    }
    times: dict[BatchObjects, Times] = {wanted: Times([], []) for wanted in choices}
    compared = Comparison(exact=False)
    for turn in range(rounds + 1):
        for wanted in choices:
            alone, expected = once(False, folder / f"alone-{wanted}-{turn}")
            together, mine = once(wanted, folder / f"together-{wanted}-{turn}")
            compared.add(expected, mine)
            if turn:
                times[wanted].plain.append(alone)
                times[wanted].ours.append(together)
    what = f"first track, {objects} objects one by one, against batch_objects="
    rows = [seconds_row(f"{what}{wanted}", times[wanted], ">= 1") for wanted in choices]
    return rows + compared.rows("in batches")


def measure(
    model: Model,
    folder: Path,
    quick: bool,
    rounds: int | None,
    parts: Sequence[str] = PARTS,
    length: int | None = None,
) -> list[Row]:
    """Return the lines of some parts; `length` is that of the clips that are tracked."""
    length = length or (16 if quick else 60)
    rounds = rounds or (2 if quick else 5)
    on_cpu = model.device.type == "cpu"
    goals = {
        1: (">= 1.1", ">= 1.5") if on_cpu else (">= 1.5", ">= 1.7 t, 2.4 b+, 4 l"),
        8: (">= 1.2", ">= 7") if on_cpu else (">= 2", ">= 8"),
    }
    rows = []
    if "opening" in parts:
        rows += opening(model, folder, (60, 600) if quick else (300, 3000), rounds)
    if "memory" in parts:
        rows += memory.measure(folder, model.config, model.checkpoint, str(model.device), quick)
    for objects in (1, 8) if "tracking" in parts else ():
        rows += tracking(model, folder, objects, length, rounds, goals[objects])
    if "clicking" in parts:
        rows += clicking(model, folder, 8, 6 if quick else 30)
    return rows


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short clips, two rounds")
    parser.add_argument("--rounds", type=int, help="rounds; 2 with --quick, else 5")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--random", help="a config of sam2, with random weights, instead of nano")
    parser.add_argument("--image-size", type=int, help="another input size with --random")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU seconds")
    parser.add_argument("--frames", type=int, help="of clips that are tracked; 16 or 60")
    parser.add_argument("--only", choices=PARTS, nargs="+", help="these parts of the table")
    parser.add_argument("--batches", action="store_true", help="objects one by one or together")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = models.nano()
        config, weights = spec.config, spec.checkpoint
        if given.random:
            config, weights = random_model(given.random, folder, given.image_size)
        model = load(config, weights, given.device)
        model.clock = time.process_time if given.cpu_time else time.perf_counter
        if given.batches:
            length = given.frames or (16 if given.quick else 60)
            rows = batching(model, folder, 8, length, given.rounds or (2 if given.quick else 5))
        else:
            parts = given.only or PARTS
            rows = measure(model, folder, given.quick, given.rounds, parts, given.frames)
    for line in rows:
        plain = "" if line["plain"] is None else f"{line['plain']:g}"
        print(
            f"{line['name']:<50} plain {plain:>9}  ours {line['ours']:>9g}"
            f"  x{line['ratio']:<7} goal {line['goal']:<20} {line['unit']}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
