"""The loop of a phase: takes batches, writes checkpoints and summaries, and may be killed at any moment."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from yt8m_attention import progress
from yt8m_attention.aliases import Batch
from yt8m_attention.config import Run
from yt8m_attention.data.batch_stream import BatchStream
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, held_out_scores, model_state
from yt8m_attention.runs.directory_lock import DirectoryLock
from yt8m_attention.runs.summaries import Summaries
from yt8m_attention.training.stopping import Stopped, StopRequest

logger = logging.getLogger(__name__)


@dataclass
class State:
    """The state of a run that a checkpoint holds beside weights and optimizer."""

    step: int = 0  # global: includes the steps of the checkpoint that the phase started from
    first_step: int = 0  # the global step at which this phase began
    position: np.ndarray | None = None  # int [3], of the next batch (TrainingStream); None: the beginning
    loss: float | None = None  # mean over the last logged steps
    finished: bool = False

    @property
    def phase_step(self) -> int:
        """Steps of this phase."""
        return self.step - self.first_step

    def to_meta(self) -> dict[str, Any]:
        """The state as JSON can hold it."""
        position = None if self.position is None else [int(p) for p in self.position]
        return {"step": self.step, "first_step": self.first_step, "position": position,
                "loss": self.loss, "finished": self.finished}  # fmt: skip

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> "State":
        """The inverse of to_meta."""
        position = None if meta["position"] is None else np.array(meta["position"], np.int64)
        return cls(meta["step"], meta["first_step"], position, meta["loss"], meta["finished"])


class Loop:
    """Trains until the phase's last step, the end of its data, or a request to stop.

    Args:
      run: how often to log, save and keep.
      train_on: function of a batch -> {"loss", "gradient_norm"}, scalars.
      variables: name -> variable, all that a checkpoint holds.
      state: where to start; changed in place.
      learning_rate: function of no arguments -> the current rate.
      summaries: writes the curves.
      lock: the run's lock on its directory, checked before every checkpoint.
      stop: checked after every step; a request ends the loop with a checkpoint.
      evaluate: function of no arguments -> (name of the metric, dict of scalars) on held-out videos, which may raise
        Stopped; None: nothing is held out.
    """

    def __init__(
        self,
        run: Run,
        train_on: Callable[[Batch], Mapping[str, Any]],
        variables: Mapping[str, Any],
        state: State,
        learning_rate: Callable[[], float],
        summaries: Summaries,
        lock: DirectoryLock,
        stop: StopRequest,
        evaluate: Callable[[], tuple[str, Mapping[str, float]]] | None = None,
    ):
        self.lock, self.stop = lock, stop
        self.run, self.train_on, self.variables, self.state = run, train_on, variables, state
        self.learning_rate, self.summaries, self.evaluate = learning_rate, summaries, evaluate
        # Kept here, whatever happens to the file. Scores of later steps, which were lost, belong to other weights.
        known = held_out_scores.read(run.train_dir)["scores"]
        self._scores = {step: score for step, score in known.items() if step <= state.step}
        self._losses: list[Any] = []
        self._norms: list[Any] = []
        self._examples, self._waited = 0, 0.0
        self._since = time.monotonic()
        self._wait_share = 0.0

    def __call__(self, stream: BatchStream) -> tuple[float, str, bool]:
        """Trains on the batches of a stream, and closes it.

        Returns:
          (examples a second over the run, path of the last checkpoint, whether a request to stop left work to do).

        Raises:
          UserError: if the loss or a weight is not finite, or for input that cannot be used.
        """
        limit = self.run.phase.max_steps
        # With both limits nobody knows which comes first; then, as without max_steps, the stream's progress is shown.
        total = limit * self.run.phase.batch_size if limit and not self.run.phase.num_epochs else None
        shown = progress.Progress("examples", total, self.state.phase_step * self.run.phase.batch_size)
        self.score_held_out()
        self.state.finished = False
        with contextlib.closing(iter(stream)) as batches:
            while not self.stop.made and (limit is None or self.state.phase_step < limit):
                batch = self._next(batches)
                if batch is None:
                    break
                rows = self._step(batch)
                shown.add(rows, self._note(), max(stream.progress, self.state.phase_step / limit if limit else 0))
        self.state.finished = not self.stop.made or self.state.phase_step == limit
        path = self._save()
        shown.close(self._note())
        return shown.rate, path, not self.state.finished or self._unscored()

    def _next(self, batches: Iterator[Batch]):
        started = time.monotonic()
        batch = next(batches, None)
        self._waited += time.monotonic() - started
        return batch

    def _step(self, batch):
        batch = dict(batch)
        position = np.asarray(batch.pop("position"))
        results = self.train_on(batch)
        self._losses.append(results["loss"])
        self._norms.append(results["gradient_norm"])
        self.state.step += 1
        self.state.position = position
        rows = int(batch["frames"].shape[0])
        self._examples += rows
        if self.state.phase_step % self.run.log_steps == 0:
            self._log()
        if self.state.phase_step % self.run.save_checkpoint_steps == 0:
            self._save()
        return rows

    def _log(self):
        """Writes means over the steps since the last call; reading them waits for the device, so not at every step."""
        if not self._losses:
            return
        losses = np.array([float(loss) for loss in self._losses])
        if not np.isfinite(losses).all():
            first = int(np.argmin(np.isfinite(losses)))
            what = f"the loss became {losses[first]} at step {self.state.step - len(losses) + 1 + first}"
            raise UserError(
                f"{what}; no checkpoint was written since, so start again with a lower --base_learning_rate"
            )
        # The norm of a step that loss scaling skipped is not finite.
        norms = [norm for norm in map(float, self._norms) if np.isfinite(norm)]
        seconds = time.monotonic() - self._since
        self.state.loss = float(losses.mean())
        self.summaries.scalars(self.state.step, {
            "train/loss": self.state.loss,
            **({"train/gradient_norm": float(np.mean(norms))} if norms else {}),
            "train/learning_rate": self.learning_rate(),
            "train/examples_per_second": self._examples / seconds,
            "train/input_wait_share": self._waited / seconds,
        })  # fmt: skip
        self._wait_share = self._waited / seconds
        self._losses, self._norms, self._examples, self._waited = [], [], 0, 0.0
        self._since = time.monotonic()

    def _note(self):
        loss = "-" if self.state.loss is None else f"{self.state.loss:.4f}"
        return f"step {self.state.step:,}, loss {loss}, waiting for input {self._wait_share:.0%}"

    def _save(self):
        self._log()
        train_dir = self.run.train_dir
        arrays = model_state.arrays(self.variables)
        self._check_finite(arrays)
        self.lock.check()
        path = checkpoints.save(train_dir, self.state.step, arrays, self.state.to_meta())
        if not self.stop.made:  # a preempted machine leaves no time for it; the next run scores this checkpoint
            self.score_held_out()
        best = held_out_scores.best_step(self._scores)
        checkpoints.prune(train_dir, self.run.keep_checkpoints, (path, checkpoints.path_of(train_dir, best)))
        self.summaries.flush()
        self._since, self._waited = time.monotonic(), 0.0  # the time of a step does not include saving
        return path

    def _unscored(self):
        return bool(self.evaluate and self.state.phase_step and self.state.step not in self._scores)

    def _check_finite(self, arrays):
        """Raises UserError for weights that are not finite: a gradient overflowed after the last loss was computed."""
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise UserError(f"{name} is not finite after step {self.state.step}; no checkpoint was written since, "
                                "so start again with a lower --base_learning_rate")  # fmt: skip

    def score_held_out(self) -> None:
        """Evaluates the newest checkpoint unless that was done; a run may have been stopped before or meanwhile."""
        if self.evaluate is None or not self._unscored():
            return
        step = self.state.step
        try:
            metric, values = self.evaluate()
        except Stopped:
            logger.info(f"step {step:,}: held-out videos are scored when the run is resumed")
            return
        self.summaries.scalars(step, {f"holdout/{name}": value for name, value in values.items()})
        self._scores[step] = values[metric]
        held_out_scores.write(self.run.train_dir, metric, self._scores)
        best = ", the best so far" if held_out_scores.best_step(self._scores) == step else ""
        logger.info(f"step {step:,}: held-out {metric} {values[metric]:.4f}{best}")
