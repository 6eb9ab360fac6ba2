"""One step of nano's training, and runs that stop, go on and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from training.nano.losses import mask_loss
from training.nano.muon import Muon
from training.nano.network import PACKAGED, build, save_half
from training.nano.passes import Pass
from training.nano.plan import FIRST_HELD_OUT, Plan
from training.nano.state import State
from training.nano.train import Run, train_step

if TYPE_CHECKING:
    from pathlib import Path

    from training.nano.samples import Batch


TINY = Plan(shapes=((2, 1), (1, 3), (1, 3)), small=100, warmup=1, fade=1)


def test_training_on_one_batch_lowers_its_loss(batch: Batch) -> None:
    torch.manual_seed(0)
    state = State(build(PACKAGED / "nano.safetensors"))
    # Away from where no single batch has much to say any more.
    with torch.no_grad():
        for weight in state.model.parameters():
            weight *= 1 + 0.2 * torch.randn_like(weight)

    def loss() -> float:
        # Over several choices of prompts: a step sees one of them.
        with torch.no_grad():
            rngs = [np.random.default_rng(seed) for seed in range(4)]
            return sum(float(Pass(state.model, batch, rng).run()) for rng in rngs) / len(rngs)

    before = loss()
    plan = Plan(warmup=1, rate=1e-4)
    for _ in range(6):
        values = train_step(state, batch, plan)
    assert loss() < 0.9 * before
    assert values["norm"][0] > 0


def test_weights_from_nothing_learn_from_the_first_steps(batch: Batch) -> None:
    torch.manual_seed(0)
    state = State(build(None))
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    for _ in range(3):
        values = train_step(state, batch, Plan(balanced=100, warmup=1))
        assert np.isfinite(values["loss"]).all()
    after = state.model.state_dict()
    still = {name for name, value in before.items() if torch.equal(value, after[name])}
    # What these three batches ask for decides over the rest: boxes, masks, absent objects.
    parts = ("trunk", "neck", "memory_attention", "memory_encoder", "transformer", "upscaling")
    assert [name for name in still if any(part in name for part in parts)] == []


def test_stacks_of_matrices_take_the_steps_of_muon() -> None:
    torch.manual_seed(0)
    shapes = [(24, 24)] * 3 + [(48, 24)] * 2 + [(24, 60)]
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [torch.nn.Parameter(each.detach().clone()) for each in ours]
    stacked = Muon(ours, 0.05)
    stacked.rate = 1e-2
    single = torch.optim.Muon(
        theirs, lr=1e-2, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(4):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        stacked.step()
        single.step()
    for mine, other in zip(ours, theirs, strict=True):
        # Steps are of 0.2 in all; both compute in 16 bits, in orders of their own.
        assert torch.allclose(mine, other, atol=2e-3)


def test_the_estimate_that_costs_least_is_the_mean_of_what_may_be_meant() -> None:
    """A mask that is either right or quite wrong: its estimate is in between, not one of both."""
    mask = torch.full((1, 1, 8, 8), -9.0)
    mask[..., :4] = 9.0
    right = (mask[:, 0] > 0).float()
    wrong = 1 - right
    there = torch.full((1, 1), 9.0)

    def cost(estimate: float) -> float:
        given = torch.tensor([[estimate]])
        both = [mask_loss(mask, each, given, there).value for each in (right, right, wrong)]
        return float(sum(both))

    costs = {estimate: cost(estimate) for estimate in (0.0, 0.5, 0.66, 0.8, 1.0)}
    assert min(costs, key=lambda estimate: costs[estimate]) == 0.66


def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(tmp_path: Path) -> None:
    def run(folder: Path, most: int) -> State:
        torch.manual_seed(0)
        state = State(build(PACKAGED / "nano.safetensors"))
        Run(folder, state, TINY).train(3, most=most)
        return state

    whole = run(tmp_path / "whole", 100)
    run(tmp_path / "parts", 1)
    parts = run(tmp_path / "parts", 100)
    assert parts.step == whole.step == 3
    assert parts.fading_since == whole.fading_since == 2
    for mine, other in ((parts.model, whole.model), (parts.average, whole.average)):
        for name, value in mine.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    assert (tmp_path / "parts" / "final.safetensors").is_file()


def test_a_file_named_anneal_ends_a_run_slowly(tmp_path: Path) -> None:
    (tmp_path / "anneal").touch()
    state = State(build(PACKAGED / "nano.safetensors"))
    Run(tmp_path, state, TINY).train(1000)
    assert (state.step, state.fading_since) == (1, 0)
    rates = [TINY.rate_at(step, 0) for step in (0, 1)]
    assert rates == pytest.approx([TINY.rate, 0.01 * TINY.rate])


def test_kept_weights_are_what_the_widget_loads(tmp_path: Path) -> None:
    model = build(PACKAGED / "nano.safetensors")
    save_half(model.state_dict(), tmp_path / "kept.safetensors")
    assert (tmp_path / "kept.safetensors").stat().st_size < 10e6
    again = build(tmp_path / "kept.safetensors")
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_no_plan_trains_on_what_is_held_out() -> None:
    with pytest.raises(ValueError, match="give one from 0"):
        Plan(seed=FIRST_HELD_OUT)


def test_a_plan_says_how_large_frames_are() -> None:
    plan = Plan(side=192, small=1, shapes=((2, 1),) * 3)
    assert (plan.shape(0), plan.shape(1)) == ((4, 1, 96), (2, 1, 192))
