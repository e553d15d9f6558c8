"""Many training steps by one call: a CUDA graph. Introduced in chapter 10.

A step of a small network is some hundred short operations, and a fast GPU is done with
each before Python has sent the next. So the operations of several steps are recorded
once, batches and updates among them; after that, one call repeats them all.
"""

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.speed.distributed import world_size
from unetlib.step import TrainStep


class GraphedSteps:
    """Training steps on batches from `batcher`, `count` by each call.

    step, batcher: on the same device. They keep in step with the graph: checkpoints are
        the usual ones, and single steps may be taken between two calls.

    The first call takes its steps one by one, for only what has run before can be
    recorded. Where nothing can be recorded, every call does so, and `fallback_reason`
    says why.
    """

    def __init__(self, step: TrainStep, batcher: Batcher, count: int = 20) -> None:
        if count < 1:
            raise UnetlibError(f"count must be at least 1, got {count}")
        self.step = step
        self.batcher = batcher
        self.count = count
        # The recorded steps read and write these, each its own place.
        self.rates = torch.zeros(count, device=step.device)
        self.losses = torch.zeros(count, device=step.device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.fallback_reason = _fallback_reason(step)

    def __call__(self) -> Tensor:
        """Take the steps; returns their losses, (count,), still on the device."""
        if self.graph is not None:
            rates = torch.tensor([self._next_rate() for _ in range(self.count)])
            self.rates.copy_(rates, non_blocking=True)
            self.graph.replay()
        elif self.fallback_reason:
            self._one_by_one()
        else:
            self._warm_up()
            self._capture()
        return self.losses.clone()

    def steps(self, count: int) -> Iterator[Tensor]:
        """As `TrainStep.steps`: by one call while enough are left, then singly."""
        while count >= self.count and not self.fallback_reason:
            yield self()
            count -= self.count
        yield from TrainStep.steps(self.step, self.batcher, count)

    def _next_rate(self) -> float:
        """The learning rate of the step to come; the schedule moves on."""
        rate = self.step.optimizer.param_groups[0]["lr"]
        self.step.schedule.step()
        return rate

    def _update(self, place: int) -> None:
        """One step as it is recorded: its learning rate lies on the device."""
        group = self.step.optimizer.param_groups[0]
        rate = group["lr"]
        group["lr"] = self.rates[place]
        try:
            self.losses[place] = self.step.update(*self.batcher.draw())
        finally:
            group["lr"] = rate

    def _one_by_one(self) -> None:
        for place in range(self.count):
            self.rates[place] = self.step.optimizer.param_groups[0]["lr"]
            self._update(place)
            self.step.schedule.step()

    def _warm_up(self) -> None:
        """Run on a stream of its own, as PyTorch asks for before a capture."""
        stream = torch.cuda.Stream(self.step.device)
        stream.wait_stream(torch.cuda.current_stream(self.step.device))
        with torch.cuda.stream(stream):
            self._one_by_one()
        torch.cuda.current_stream(self.step.device).wait_stream(stream)

    def _capture(self) -> None:
        try:
            with torch.cuda.device(self.step.device):
                self.graph = self._recorded()
        except RuntimeError as error:  # a model may do what no graph can hold
            reason = str(error.__context__ or error).partition("\n")[0]
            self.fallback_reason = f"the step cannot be recorded: {reason}"
            warnings.warn(f"no CUDA graph: {self.fallback_reason}", stacklevel=3)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        # So that every replay draws on from where the generator stands.
        graph.register_generator_state(self.batcher.generator)
        # PyTorch's own is registered always, for models that draw by themselves.
        own = torch.cuda.default_generators[torch.cuda.current_device()]
        before = [(g, g.clone_state()) for g in (self.batcher.generator, own)]
        try:
            with torch.cuda.graph(graph):
                for place in range(self.count):
                    self._update(place)
        except RuntimeError:
            for generator, state in before:  # which else would wait for the end
                generator.graphsafe_set_state(state)
            raise
        return graph


def _fallback_reason(step: TrainStep) -> str:
    """Why the step cannot be recorded; empty where nothing is known against it."""
    if step.device.type != "cuda":
        return f"{step.device} has no CUDA graphs"
    if world_size() > 1:
        return "several processes train together, and their steps wait for each other"
    if not step.optimizer.param_groups[0]["capturable"]:
        return "the step was made with Speed(graph=False)"
    return ""
