"""Training of a row: stages, checkpoints, logs, samples. Resumes by itself."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import jax_utils

from pgjax.data import store as stores
from pgjax.data.pipeline import ahead, batches, check_split, chunks, on_device
from pgjax.errors import InputError, NonFiniteLossError
from pgjax.files import paths
from pgjax.images.pixels import write_png
from pgjax.progress import Progress, announce
from pgjax.runtime import hosts
from pgjax.runtime.devices import over_devices, place, replicate
from pgjax.training import finetuning, run_directory
from pgjax.training.checkpoint import Checkpoints, Score, need_room, saved_steps
from pgjax.training.generation import Predictor, mean_scores
from pgjax.training.logbook import Logbook
from pgjax.training.recipe import build
from pgjax.training.sample_grids import sample_grid
from pgjax.training.state import State, frozen_weights, state_shapes
from pgjax.training.steps import make_step, step_identity


def train_and_evaluate(
    config: Any,
    workdir: str | os.PathLike,
    data_dir: str,
    enough: Callable[[], bool] = lambda: False,
    after_sample: Callable[[paths.Path, paths.Path], None] = lambda workdir, log: None,
) -> State:
    """Trains a row to its end, going on from the run's last checkpoint where there is one.

    Several hosts (pgjax.runtime.hosts) call it together, with a run directory that they share; the first one
    logs and draws, all save.

    Args:
      config: a row's ConfigDict (configs/).
      workdir: the run directory, or gs://BUCKET/FOLDER; created, or resumed if it holds this very run.
      data_dir: where the data sets are (pgjax.tools.prepare).
      enough: asked after every step; where it says so, the run saves itself and stops, to be gone on
        with later (interruption.Interruption asks for that on SIGTERM and Ctrl-C).
      after_sample: called on the first host, while no step runs, at every step where samples are drawn (also
        in a stage that draws no images), with the run directory and the path of its up-to-date metrics.jsonl.

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
    recipe, workdir = build(config), paths.of(workdir)
    run_directory.check(workdir, config)
    refuse_fewer_steps(workdir, recipe.total_steps)
    shapes = state_shapes(recipe)
    parts = recipe.compute.accumulate
    check_split(recipe.batch_size, jax.local_device_count(), hosts.count(), parts)
    data = recipe.data
    limit = int(data.memory_limit_gb * 1e9)
    train = stores.load_split(data.name, "train", data_dir, limit)
    test = stores.load_split(data.name, "test", data_dir, limit)
    held_out = stores.test_pairs(data.name, test, data_dir)
    pairs = stores.train_pairs(train, data.pairs)
    if data.draw == "images":
        pairs = pairs[:, [0, 0]]
    held = on_device(recipe.compute.images, train.store, jax.local_devices()[0])
    weights = frozen_weights(recipe, data_dir)
    agreement = hosts.Agreement()

    def stop_now() -> bool:
        return agreement(enough())

    hosts.wait("all have checked the run directory")
    if hosts.count() > 1:
        stop_now()  # from here on a signal is for all to agree on: no host may leave alone
    with (
        need_room(workdir),
        _on_first(run_directory.open_run, workdir, config) as check_claim,
        Checkpoints(
            workdir,
            run_directory.identity(config),
            recipe.report.keep_checkpoints,
            recipe.report.keep_best,
        ) as checkpoints,
    ):
        latest = checkpoints.latest_step()
        if latest is None:
            _say("making the networks")
            state = finetuning.first_state(recipe)
        else:
            _say(f"reading the checkpoint of step {latest}")
            state = checkpoints.restore(shapes)
        done = int(state.step)
        hosts.check_same(done, f"the step to go on from, read in {workdir},")
        if hosts.first():
            where = f"{recipe.total_steps} steps done in {workdir}"
            print(f"{recipe.row}: {done} of {where}", file=sys.stderr)
            if latest is None and recipe.init is not None:
                print(f"{recipe.row}: {finetuning.described(recipe)}", file=sys.stderr)
        # Once for all stages.
        store = replicate(train.store) if held else train.store
        with _on_first(Logbook, workdir, done, check_claim) as logbook:
            for name, start in recipe.starts().items():
                stop = start + recipe.stages[name].steps
                if int(state.step) < stop:
                    places = (checkpoints, logbook, workdir)
                    run = _Stage(recipe, name, stop, weights, *places, after_sample)
                    state = run.train(state, store, pairs, test.store, held_out, stop_now)
                    if run.stopped:
                        break
    return state


def _say(what: str) -> None:
    if hosts.first():
        announce(what)


def _on_first(opened: Callable, *args: Any) -> contextlib.AbstractContextManager:
    """opened(*args) on the first host, a context of None on the others."""
    return opened(*args) if hosts.first() else contextlib.nullcontext()


def refuse_fewer_steps(workdir: str | os.PathLike, total: int) -> None:
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

    def __init__(self, recipe, name, stop, weights, checkpoints, logbook, workdir, after_sample):
        self.weights = replicate(weights)
        self.recipe, self.name, self.stop = recipe, name, stop
        self.stage = recipe.stages[name]
        self.checkpoints, self.logbook, self.workdir = checkpoints, logbook, workdir
        looped = recipe.compute.steps_per_call > 1
        self.step = over_devices(
            make_step(recipe, self.stage, looped),
            donate=(0,),
            identity=step_identity(recipe, self.stage, looped),
        )
        self.draws_images = recipe.draws_images(self.stage)
        self.predict = Predictor(recipe, name)
        self.stopped = False  # before its end, or at it
        self.after_sample = after_sample

    def train(self, state: State, store, pairs, test_store, held_out, enough) -> State:
        report, first = self.recipe.report, int(state.step)
        held, size = isinstance(store.images, jax.Array), self.recipe.compute.steps_per_call
        points = (report.log_every, report.sample_every, report.checkpoint_every)
        calls = list(chunks(first, self.stop, size, *points))
        inputs = batches(
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
            together=calls if size > 1 else None,
            gather=not held,
        )
        inputs = ahead(inputs, place)
        replicated = replicate(state)
        _say(f"{self.name}: compiling its step, unless it was kept from an earlier start")
        unread, seen, since, waited = [], first, time.perf_counter(), 0.0
        with Progress(self.stop, self.name, "step", first, quiet=not hosts.first()) as bar:
            for start, count in calls:
                asked = time.perf_counter()
                given = next(inputs)
                waited += time.perf_counter() - asked
                replicated, log = self.step(
                    replicated, given, self.weights, store if held else None
                )
                unread.append(log)
                bar.update(count)
                step = start + count
                last, self.stopped = step == self.stop, enough()
                sample = last or step % report.sample_every == 0
                save = last or self.stopped or step % report.checkpoint_every == 0
                save = save or (sample and report.keep_best != "")
                if save or sample or step % report.log_every == 0:
                    values = _read(unread, step)
                    passed = time.perf_counter() - since
                    losses = {k.removesuffix("/loss"): v for k, v in values.items() if "/loss" in k}
                    bar.tell(**{k: f"{v:.4f}" for k, v in losses.items()})
                    speed = {
                        "steps_per_second": (step - seen) / passed,
                        "input_wait": waited / passed,
                    }
                    self._log(step, values | speed)
                    if save or sample:
                        state = jax_utils.unreplicate(replicated)
                        refuse_non_finite(state)
                    with bar.paused():
                        # Samples first: a run killed in between makes them again, and saves again.
                        scores: dict[str, float] = {}
                        if sample and not self.draws_images:
                            _say(
                                f"step {step}: {self.name} draws no images; nothing to show or score"
                            )
                        elif sample and hosts.first():
                            announce(f"step {step}: drawing and scoring held-out pairs")
                            scores = self._sample(step, state, test_store, held_out)
                        if sample and hosts.first():
                            self.after_sample(self.workdir, self.logbook.metrics)
                        if save:
                            _say(f"step {step}: saving a checkpoint")
                            if hosts.first():
                                self.logbook.publish()
                            self.checkpoints.save(state, self._score(scores) if sample else None)
                    unread, seen, since, waited = [], step, time.perf_counter(), 0.0
                if self.stopped:
                    break
        return state

    def _log(self, step: int, values: dict[str, float]) -> None:
        if hosts.first():
            self.logbook.write(step, values)

    def _score(self, scores: dict[str, float]) -> Score | None:
        """What the best checkpoint is chosen by: the first host's, on all of them."""
        metric = self.recipe.report.keep_best
        if not metric:
            return None
        value = float(hosts.gather(np.array([scores.get(metric, np.nan)]))[0])
        return Score(metric, value, self.name)

    def _sample(self, step: int, state: State, store, pairs) -> dict[str, float]:
        report = self.recipe.report
        predictions = list(self.predict(state, store, pairs[: report.score_pairs]))
        scores = mean_scores([p.scores for p in predictions])["model"]
        self._log(step, {f"held_out/{k}": v for k, v in scores.items()})
        picture = sample_grid(predictions, report.sample_pairs)
        write_png(self.workdir / "samples" / f"{step:07d}.png", picture)
        return scores


def _read(logs: list[dict[str, jax.Array]], step: int) -> dict[str, float]:
    """Means of the logs of the steps up to `step`, as floats; refuses what is not finite."""
    logs = jax.device_get(logs)
    # Terms before their sum, and both before the gradient, so that an error names the origin.
    names = sorted(logs[0], key=lambda name: (name.endswith("norm"), name.endswith("/loss"), name))
    # All devices have the same; a call of several steps has as many values.
    arrays = {
        name: np.concatenate([np.ravel(log[name][0]) for log in logs]).astype(float)
        for name in names
    }
    count = len(arrays[names[0]])
    for i in range(count):
        for name, values in arrays.items():
            if not np.isfinite(values[i]):
                raise NonFiniteLossError(
                    f"{name} is {values[i]} at step {step - count + 1 + i}; training stopped, "
                    "checkpoints are from before; a lower learning rate may help, in another --workdir"
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
