"""Training of a row: stages, checkpoints, logs, samples. Resumes by itself."""

import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import jax_utils
from tqdm import tqdm

from pgjax import rundir
from pgjax.checkpoint import Checkpoints, need_room, saved_steps
from pgjax.data import store as stores
from pgjax.data.pipeline import batches, check_split
from pgjax.devices import over_devices, replicate
from pgjax.errors import InputError, NonFiniteLossError
from pgjax.generation import Predictor, mean_scores
from pgjax.image import write_png
from pgjax.pictures import sample_grid
from pgjax.recipe import build
from pgjax.state import State, frozen_weights, init_state, state_shapes
from pgjax.steps import make_step


def train_and_evaluate(
    config: Any,
    workdir: str | pathlib.Path,
    data_dir: str,
    enough: Callable[[], bool] = lambda: False,
) -> State:
    """Trains a row to its end, going on from the run's last checkpoint where there is one.

    Args:
      config: a row's ConfigDict (configs/).
      workdir: the run directory; created, or resumed if it holds this very run.
      data_dir: where the data sets are (pgjax.tools.prepare).
      enough: asked after every step; where it says so, the run saves itself and stops, to be gone on
        with later (interruption.Interruption asks for that on SIGTERM and Ctrl-C).

    Returns:
      The last State, unreplicated.

    Raises:
      InputError: a bad config key, a run directory of another run or of more steps than
        config.total_steps, a checkpoint of another row, no checkpoint that can be read, weights of a
        frozen network that are nowhere to be had.
      DiskFullError: what the run writes does not fit; says from which step it goes on.
      FileNotFoundError: the data set is not built.
      NonFiniteLossError: a loss is not finite; nothing is saved from then on.
    """
    recipe = build(config)
    if jax.process_count() > 1:
        raise InputError("training over several hosts is not supported yet")
    rundir.check(workdir, config)
    refuse_fewer_steps(workdir, recipe.total_steps)
    shapes = state_shapes(recipe)
    check_split(recipe.batch_size, jax.local_device_count())
    data = recipe.data
    limit = int(data.memory_limit_gb * 1e9)
    train = stores.load_split(data.name, "train", data_dir, limit)
    test = stores.load_split(data.name, "test", data_dir, limit)
    held_out = stores.test_pairs(data.name, test, data_dir)
    pairs = stores.train_pairs(train, data.pairs)
    weights = frozen_weights(recipe, data_dir)

    with (
        need_room(workdir),
        rundir.open_run(workdir, config) as workdir,
        Checkpoints(
            workdir, rundir.identity(config), recipe.report.keep_checkpoints
        ) as checkpoints,
    ):
        fresh = checkpoints.latest_step() is None
        state = init_state(recipe) if fresh else checkpoints.restore(shapes)
        done = int(state.step)
        print(
            f"{recipe.row}: {done} of {recipe.total_steps} steps done in {workdir}", file=sys.stderr
        )
        with rundir.Logbook(workdir, done) as logbook:
            for name, start in recipe.starts().items():
                stop = start + recipe.stages[name].steps
                if int(state.step) < stop:
                    run = _Stage(recipe, name, stop, weights, checkpoints, logbook, workdir)
                    state = run.train(state, train.store, pairs, test.store, held_out, enough)
                    if run.stopped:
                        break
    return state


def refuse_fewer_steps(workdir: str | pathlib.Path, total: int) -> None:
    """Stops before a run is cut below what it has done.

    Raises:
      InputError: names both numbers of steps.
    """
    done = max(saved_steps(workdir), default=0)
    if done > total:
        raise InputError(
            f"config.total_steps: {workdir} has done {done} steps already, more than {total}; "
            "expected at least as many, or another --workdir"
        )


class _Stage:
    """One stage of a run, from the state's step to the stage's end."""

    def __init__(self, recipe, name, stop, weights, checkpoints, logbook, workdir):
        self.weights = replicate(weights)
        self.recipe, self.name, self.stop = recipe, name, stop
        self.stage = recipe.stages[name]
        self.checkpoints, self.logbook, self.workdir = checkpoints, logbook, workdir
        self.step = over_devices(make_step(recipe, self.stage), donate=(0,))
        self.predict = Predictor(recipe, name)
        self.stopped = False  # before its end, or at it

    def train(self, state: State, store, pairs, test_store, held_out, enough) -> State:
        report, first = self.recipe.report, int(state.step)
        steps = batches(
            store,
            pairs,
            seed=self.recipe.seed,
            batch_size=self.recipe.batch_size,
            flip=self.recipe.data.flip,
            draws=self.stage.batches,
            start=first,
            stop=self.stop,
            devices=jax.local_device_count(),
            host=jax.process_index(),
            hosts=jax.process_count(),
        )
        replicated = replicate(state)
        unread, since = [], time.perf_counter()
        with tqdm(
            initial=first, total=self.stop, desc=self.name, unit="step", mininterval=1.0
        ) as bar:
            for step in range(first + 1, self.stop + 1):
                replicated, log = self.step(replicated, next(steps), self.weights)
                unread.append(log)
                bar.update()
                last, self.stopped = step == self.stop, enough()
                save = last or self.stopped or step % report.checkpoint_every == 0
                sample = last or step % report.sample_every == 0
                if save or sample or step % report.log_every == 0:
                    values = _read(unread, step)
                    rate = len(unread) / (time.perf_counter() - since)
                    losses = {k.removesuffix("/loss"): v for k, v in values.items() if "/loss" in k}
                    bar.set_postfix({k: f"{v:.4f}" for k, v in losses.items()})
                    self.logbook.write(step, values | {"steps_per_second": rate})
                    if save or sample:
                        state = jax_utils.unreplicate(replicated)
                        refuse_non_finite(state)
                    # Samples first: a run killed in between makes them again, and saves again.
                    if sample:
                        self._sample(step, state, test_store, held_out)
                    if save:
                        self.checkpoints.save(state)
                    unread, since = [], time.perf_counter()
                if self.stopped:
                    break
        return state

    def _sample(self, step: int, state: State, store, pairs) -> None:
        report = self.recipe.report
        predictions = list(self.predict(state, store, pairs[: report.score_pairs]))
        scores = mean_scores([p.scores for p in predictions])["model"]
        self.logbook.write(step, {f"held_out/{k}": v for k, v in scores.items()})
        picture = sample_grid(predictions, report.sample_pairs)
        write_png(self.workdir / "samples" / f"{step:07d}.png", picture)


def _read(logs: list[dict[str, jax.Array]], step: int) -> dict[str, float]:
    """Means of the logs of the steps up to `step`, as floats; refuses what is not finite."""
    logs = jax.device_get(logs)
    # Terms before their sum, and both before the gradient, so that an error names the origin.
    names = sorted(logs[0], key=lambda name: (name.endswith("norm"), name.endswith("/loss"), name))
    arrays = {name: np.array([log[name][0] for log in logs], float) for name in names}
    for i in range(len(logs)):
        for name, values in arrays.items():
            if not np.isfinite(values[i]):
                at = step - len(logs) + 1 + i
                raise NonFiniteLossError(
                    f"{name} is {values[i]} at step {at}; training stopped, checkpoints are from "
                    "before; a lower learning rate may help, in another --workdir"
                )
    return {name: float(values.mean()) for name, values in arrays.items()}


def refuse_non_finite(state: State) -> None:
    """Stops where the last update has made a parameter infinite or NaN.

    Raises:
      NonFiniteLossError: names the network.
    """
    for name, network in state.networks.items():
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(network.params)):
            raise NonFiniteLossError(
                f"parameters of {name} are not finite after step {int(state.step)}; training stopped"
            )
