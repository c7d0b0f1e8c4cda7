"""The records that a row is made of."""

import collections
import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from pgjax import data
from pgjax.errors import InputError
from pgjax.nets import NO_IMAGES
from pgjax.training import losses

PLACES = ("auto", "host", "device")
"""Of photos; "device" gathers pairs in the compiled step, "auto" does on accelerators that have the room."""

DRAWS = ("pairs", "images")
"""What training draws; of "images" the source of a pair is its target too."""


@dataclasses.dataclass(frozen=True)
class Data:
    """Which photos and pairs: names for data.find and of pairs.RULES, mirrored pairs half the time.

    draw: a name in DRAWS. Images are the sources of the training pairs: one of an identity with n images is
    drawn n - 1 times as often as one of an identity with two, and of a data set's own list of pairs the
    targets are not used. Test pairs stay pairs. Photos are decoded once and held in memory where they take at
    most `memory_limit_gb` (10^9 bytes).
    """

    name: str
    pairs: str
    flip: bool = False
    draw: str = "pairs"
    memory_limit_gb: float = 8.0


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A name in SCHEDULES; options are its keyword arguments.

    What is counted are the moves of the network, from 0, whatever step the run ends at: a shorter run ends
    amid its schedule. `every`: a rate lasts for so many moves. `warmup`: move i (from 1) of the first so many
    has i / warmup of the rate.
    """

    name: str = "constant"
    warmup: int = 0
    every: int = 1
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """A name in OPTIMIZERS; options are its keyword arguments.

    Where they are not 0, gradients are clipped first, every value to [-clip_value, clip_value], and then all
    of the network's together to the norm `clip_norm`.
    """

    name: str
    learning_rate: float
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    schedule: Schedule = dataclasses.field(default_factory=Schedule)
    clip_norm: float = 0.0
    clip_value: float = 0.0


@dataclasses.dataclass(frozen=True)
class Network:
    """A name in NETS; options are the module's fields.

    Where it is not 0, every parameter is clipped to [-weight_clip, weight_clip] after each move.
    """

    net: str
    optimizer: Optimizer
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    weight_clip: float = 0.0

    @property
    def draws_images(self) -> bool:
        """Whether its output is an image, where it is a generator."""
        return self.net not in NO_IMAGES


@dataclasses.dataclass(frozen=True)
class Loss:
    """A name in losses.TERMS or losses.ADVERSARIAL is its key; options are its keyword arguments.

    Or the name of a generator's own term, which has no options.
    """

    weight: float = 1.0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Move(NamedTuple):
    """One update of a player in a step: the draw that it sees, and that whose targets are real to it."""

    player: str
    draw: int
    real: int


@dataclasses.dataclass(frozen=True)
class Stage:
    """What is trained, for how many steps, and how it is judged.

    `generators` run in this order, each seeing the outputs of those before it; the last one's is the
    stage's output, an image unless its network is in nets.NO_IMAGES. `players` move in this order, a name
    as often as it stands there; every other network is frozen. Generators do not move in the stage's first
    `generators_from` steps. `terms` compare the output with the target, or are generators' own
    (nets.TERMS_OF).

    Where there is a `critic`, or several `critics` of the same losses, each judges the target against
    `negatives`: weights by name, where "generated" is the stage's output, "source" the source image, and
    any other name that generator's output. Where `real` names a generator, what it makes of the real
    photos takes the target's place; it and those before it do not play. "NETWORK.METHOD" is what a method of
    any frozen network's module makes of them. A generator's adversarial loss is the mean over critics.
    `separate` critics see what is real and each negative in a forward pass of its own, else all at once;
    with `critic_noise` their dropout is on. With `earlier_fakes` they judge what the generators made when
    they moved in this step, before the update; else it is made anew. With a `pool` of so many for each
    critic some of these are earlier steps' (pgjax.training.pools).

    `draws` numbers the batch that each player sees (0 unless said); `real_draw` the one that is real to a
    critic when it moves (its own unless said). A player's every further move in a step takes the numbers
    that follow.
    """

    steps: int
    players: tuple[str, ...]
    generators: tuple[str, ...]
    terms: Mapping[str, Loss]
    critic: str | None = None
    critics: tuple[str, ...] = ()
    adversarial: Mapping[str, Loss] = dataclasses.field(default_factory=dict)
    negatives: Mapping[str, float] = dataclasses.field(default_factory=dict)
    real: str = "target"
    real_weight: float = 1.0
    draws: Mapping[str, int] = dataclasses.field(default_factory=dict)
    real_draw: int | None = None
    separate: bool = False
    critic_noise: bool = False
    earlier_fakes: bool = False
    pool: int = 0
    generators_from: int = 0

    @property
    def judges(self) -> tuple[str, ...]:
        """Its critics, however many there are."""
        return self.critics if self.critic is None else (self.critic,)

    @property
    def moves(self) -> tuple[Move, ...]:
        """What happens in a step, in order."""
        before: collections.Counter[str] = collections.Counter()
        moves = []
        for player in self.players:
            draw = real = self.draws.get(player, 0) + before[player]
            if player in self.judges and self.real_draw is not None:
                real = self.real_draw + before[player]
            moves.append(Move(player, draw, real))
            before[player] += 1
        return tuple(moves)

    @property
    def batches(self) -> int:
        """How many batches one step takes."""
        return 1 + max(max(move.draw, move.real) for move in self.moves)


@dataclasses.dataclass(frozen=True)
class Features:
    """The frozen network that terms read: a name in frozen.NETS, and how it is fed.

    weights: "imagenet", or "random" where no file is wanted. means: "proper", or "swapped" as in the
    released deformable GAN (docs/reference_facts.md, 1.3). scale: what activations are divided by.
    """

    net: str
    weights: str = "imagenet"
    means: str = "proper"
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Report:
    """How often, in steps, a run logs, draws samples, scores held-out pairs and saves itself.

    keep_best: "" or a metric of those that are scored then. Every step that is scored is saved too, and the
    checkpoint that is best by it is kept beside the last `keep_checkpoints`, evaluated and exported.
    """

    log_every: int = 100
    sample_every: int = 1000
    sample_pairs: int = 8
    score_pairs: int = 64
    checkpoint_every: int = 1000
    keep_checkpoints: int = 3
    keep_best: str = ""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Batch size of generation, and the radius in pixels of the mask of mask-SSIM."""

    batch_size: int = 32
    mask_radius: int = 4


@dataclasses.dataclass(frozen=True)
class Compute:
    """How a row is computed.

    precision: a name in precision.PRECISIONS, of the networks' arithmetic; parameters, statistics and
    losses are float32 always. Products in "float32" have the backend's default (TF32 on some GPUs), but for
    spectral norms, transforms and distances, which are exact. accumulate: a step's batch goes through
    in so many equal parts, and the mean of their gradients is applied. images: a name in PLACES: where
    decoded photos are held while training. steps_per_call: so many steps run in one call of the
    compiled program.
    """

    precision: str = "float32"
    accumulate: int = 1
    images: str = "auto"
    steps_per_call: int = 1


@dataclasses.dataclass(frozen=True)
class Init:
    """Whose weights a run begins with (pgjax.training.finetuning): `networks` of a run or an exported model.

    path: as it was named. row, step: of that run. sha256: of the arrays that were taken.
    """

    path: str
    row: str
    step: int
    sha256: str
    networks: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One row of a published table; `stages` and `networks` by name, stages in the names' order.

    A config may also have `total_steps`, where the whole run ends (0: after the stages' own sum): `build`
    lengthens or cuts the last stage to end there; stages that would begin there or later get no steps.

    `published` are the paper's numbers by the columns of its table, `published_in` names the table, and
    `protocol` (a name in metrics.protocols.PROTOCOLS) is how they were measured, "" where that is not told.
    `init` is what the run begins with, None for random weights.

    `ema`: the decay of the average that is kept of the parameters of every network that is no critic, 0 for
    none. After each move of the network, average = ema * average + (1 - ema) * parameters; it begins with the
    first parameters. With the averages a network draws all images that are looked at, scored or exported, and
    those of the stages in which it does not play.
    """

    row: str
    data: Data
    batch_size: int
    networks: Mapping[str, Network]
    stages: Mapping[str, Stage]
    seed: int = 0
    features: Features | None = None
    scene: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    report: Report = dataclasses.field(default_factory=Report)
    evaluation: Evaluation = dataclasses.field(default_factory=Evaluation)
    compute: Compute = dataclasses.field(default_factory=Compute)
    published: Mapping[str, float] = dataclasses.field(default_factory=dict)
    published_in: str = ""
    protocol: str = ""
    init: Init | None = None
    ema: float = 0.0

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the data set's photos, pixels."""
        return data.find(self.data.name).size

    @property
    def total_steps(self) -> int:
        return sum(stage.steps for stage in self.stages.values())

    @property
    def reads_features(self) -> bool:
        """Whether a term asks the frozen network for a layer."""
        terms = [item for stage in self.stages.values() for item in stage.terms.items()]
        return any(layer_of(name, loss) not in (None, losses.PIXELS) for name, loss in terms)

    @property
    def critics(self) -> frozenset[str]:
        return frozenset(name for stage in self.stages.values() for name in stage.judges)

    def stage_of(self, step: int) -> str:
        """The name of the stage that made step `step` (counted from 1); step 0 is the first stage's."""
        return [name for name, start in self.starts().items() if start < max(step, 1)][-1]

    def draws_images(self, stage: Stage) -> bool:
        """Whether a stage's output is an image."""
        return self.networks[stage.generators[-1]].draws_images

    def drawing_stage_of(self, step: int) -> str:
        """The name of the last stage up to step `step` whose output is an image.

        Raises:
          InputError: there is none.
        """
        names = list(self.stages)
        for name in reversed(names[: names.index(self.stage_of(step)) + 1]):
            if self.draws_images(self.stages[name]):
                return name
        raise InputError(f"{self.row}: no stage up to step {step} draws images")

    def start_of(self, stage: Stage) -> int:
        """The number of steps before one of `stages`, itself and no copy."""
        (name,) = (name for name, own in self.stages.items() if own is stage)
        return self.starts()[name]

    def starts(self) -> dict[str, int]:
        """The number of steps before each stage."""
        starts, step = {}, 0
        for name, stage in self.stages.items():
            starts[name] = step
            step += stage.steps
        return starts


def layer_of(term: str, loss: Loss) -> str | None:
    """The layer that a term compares, losses.PIXELS for the image; None where it knows none."""
    if term not in losses.TERMS:
        return None
    option = inspect.signature(losses.TERMS[term]).parameters.get("layer")
    return None if option is None else loss.options.get("layer", option.default)
