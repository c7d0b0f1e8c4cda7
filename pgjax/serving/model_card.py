"""The model card of an exported model: what it is, what it was measured to do, what it cannot do."""

from collections.abc import Iterator, Mapping
from typing import Any

from pgjax import __version__, data
from pgjax.metrics import METRICS
from pgjax.serving import card_front, sampling
from pgjax.training.model_folder import Model

SUBJECTS = {"model": "this model", "source": "copy of the source", "mean": "mean training image"}
TERMS_OF_USE = {
    "market1501": "Market-1501 shows passers-by who were not asked. It is for research only, and so are this "
    "model and its images.",
    "deepfashion": "DeepFashion is for non-commercial research only, and so are this model and its images.",
    "custom": "The photos were its user's own: their terms, and the consent of who they show, bind this "
    "model and its images too.",
}


def text(model: Model) -> str:
    """The card in Markdown, from the recipe and the scores of a model, after what the model hub reads."""
    parts = card_front.lines, _what, _measured, _limits, _use
    return "\n".join(line for part in parts for line in part(model))


def _what(model: Model) -> Iterator[str]:
    recipe, (height, width) = model.recipe, model.size
    stage, given, imported = recipe.stages[model.stage], recipe.data, model.imported
    # Beside the stage's own there may be those that draw from noise, and an imported model's critics.
    named = dict.fromkeys([*stage.generators, *model.variables])
    networks = [n for n in named if n not in recipe.critics]
    count = sum(
        array.size for array in _leaves({n: model.variables[n]["params"] for n in networks})
    )
    yield f"# {recipe.row}\n"
    yield (
        f"Given a photo of a person and {_told(model)}. It is the row `{recipe.row}` of pgjax, a "
        "re-implementation of published systems; "
        f"{'exported' if imported is None else 'imported'} by version {__version__}.\n"
    )
    if imported is not None:
        files = ", ".join(f"`{n}` (sha256 {digest})" for n, digest in imported["files"].items())
        yield (
            f"pgjax did not train it: the weights are those of {files}, which belong to the code of "
            f"{imported['repository']}. They are the work of its authors and under the authors' terms, not "
            "under the license of pgjax.\n"
        )
    yield "| | |\n|---|---|"
    rows = {
        "photos": f"{height}x{width} pixels (height x width)",
        "trained on": f"`{given.name}`, pairs by the rule `{given.pairs}`"
        + (", mirrored half the time" if given.flip else ""),
        "steps": f"{model.step:,} of {recipe.total_steps:,}, batch {recipe.batch_size}, seed {recipe.seed}"
        if imported is None
        else f"not told in the files; the row has {recipe.total_steps:,}, batch {recipe.batch_size}",
        **_taken(model),
        "networks": ", ".join(f"`{n}` ({recipe.networks[n].net})" for n in networks),
        "parameters": f"{count:,}",
        "losses": ", ".join(
            f"{name} x {loss.weight:g}"
            for name, loss in {**stage.terms, **stage.adversarial}.items()
        ),
        "arithmetic": recipe.compute.precision,
    }
    if recipe.init is not None:
        init = recipe.init
        rows["started from"] = (
            f"{', '.join(f'`{n}`' for n in init.networks)} of `{init.path}` (`{init.row}`), step "
            f"{init.step:,}, sha256 {init.sha256}"
        )
    yield from (f"| {name} | {value} |" for name, value in rows.items())


def _taken(model: Model) -> dict[str, str]:
    """Why this step was taken, where it is the best one."""
    if model.best is None:
        return {}
    metric, value, last = (model.best[name] for name in ("metric", "value", "last_step"))
    pairs = f"the first {model.recipe.report.score_pairs:,} test pairs"
    return {
        "taken": f"step {model.step:,}, which had the best {metric} on {pairs} while training: {value:.4f}; "
        f"the last one is {last:,}. Scores on these pairs flatter it a little."
    }


def _measured(model: Model) -> Iterator[str]:
    yield "\n## Measured\n"
    if model.imported is not None:
        yield "Not evaluated by pgjax: the scores of these weights are unknown."
        return
    names, scores = list(card_front.scores(model)), model.scores
    if not names or scores is None:
        yield "Not evaluated. `evaluate.py` scores the run and fills this in."
        return
    heads = [f"{name} {'↑' if METRICS[name].higher_is_better else '↓'}" for name in names]
    noise = ", with the generator's noise on" if scores["noise"] else ""
    pairs = f"On {scores['pairs']:,} pairs ({scores['pairs_from']}){noise}"
    yield f"{pairs}; ↑ higher is better, ↓ lower is better.\n"
    yield "| | " + " | ".join(heads) + " |\n|---" + "|---:" * len(names) + "|"
    for subject, title in SUBJECTS.items():
        if subject in scores["scores"]:
            values = scores["scores"][subject]
            yield f"| {title} | " + " | ".join(f"{values[name]:.4f}" for name in names) + " |"
    # A model that was exported before they had a protocol has them by the paper's columns.
    published = scores["published"] if scores.get("published_under") else {}
    if any(name in published for name in names):
        cells = (f"{published[name]:.3f}" if name in published else "-" for name in names)
        yield f"| published: {scores['published_in']} | " + " | ".join(cells) + " |"
        yield (
            "\nA published number stands below the metric that it was measured by. It was measured with its "
            "authors' code, settings and pairs: it is no test of this model."
        )


def _limits(model: Model) -> Iterator[str]:
    recipe, (height, width) = model.recipe, model.size
    yield "\n## What it cannot do\n"
    yield (
        f"- It sees {height}x{width} pixels. A larger photo is made smaller, and what comes back has no more "
        "detail than that."
    )
    yield (
        "- It knows photos like those it was trained on: one person, whole or nearly so, filling the "
        "picture. Small, cut-off or several people, and other clothes, lights and views, come out worse "
        "or not at all."
    )
    yield (
        "- What the photo does not show (the back, the other side, what an arm covers) is invented. "
        "Faces, hands, letters and fine patterns are not kept: the result is no likeness and proves nothing."
    )
    if model.reads_view:
        yield "- It is told no pose: how the person stands is invented."
    else:
        yield (
            "- It follows the given joints, right or wrong. Where hips or shoulders are missing in either "
            "pose, body parts cannot be moved, and little of the person is carried over."
        )
    yield "- The background behind the person is made up" + (
        ", unless it is given." if _told_background(model) else "."
    )
    done = model.best["last_step"] if model.best else model.step
    if done < recipe.total_steps:
        yield f"- Its training was not finished: {done:,} of {recipe.total_steps:,} steps."
    if data.find(recipe.data.name).generated:
        yield "- It was trained on computer drawings of people. Of real photos it makes nothing of use."
    yield "\n## What it must not be used for\n"
    yield (
        "Do not put a person into a pose, place or garment that they were never seen in without their "
        "consent, do not identify or track people with it, and do not pass its pictures off as real."
    )
    if (kind := card_front.kind(model)) in TERMS_OF_USE:
        yield f"\n{TERMS_OF_USE[kind]}"


def _told_background(model: Model) -> bool:
    recipe = model.recipe
    names = recipe.stages[model.stage].generators
    return any(recipe.networks[name].options.get("background") for name in names)


def _told(model: Model) -> str:
    if model.reads_view:
        return "a view (front, side or back), this model draws the person from there"
    return "a pose, this model draws the person in that pose"


def _use(model: Model) -> Iterator[str]:
    yield "\n## Use\n"
    yield "```"
    asked = "--view=back" if model.reads_view else "--source_pose=FILE --target_pose=FILE"
    yield f"pgjax generate --model=FOLDER --source=PHOTO {asked} --out=FILE"
    if sampling.parts_of(model):
        yield "pgjax sample FOLDER --out=FILE.png"
    yield "```\n"
    yield "with FOLDER being this one. Its files are checked against `SHA256SUMS` when they are read."
    yield ""


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, Mapping):
        for value in tree.values():
            yield from _leaves(value)
    else:
        yield tree
