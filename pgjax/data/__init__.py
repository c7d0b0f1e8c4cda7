"""Data sets by name: what they are, building them and finding them again.

tfds is imported when a data set is built or read, not before: the rest of the project works
without it.
"""

import contextlib
import dataclasses
import importlib
import importlib.util
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.progress import announce

DATA_DIR = "data"  # of all built data sets, below the working directory
COMPLETE = "dataset_info.json"  # the last file of a built data set


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set that rows can name.

    Attributes:
      name: as in `--config=PAPER:NAME/ROW`.
      size: (height, width) of its images, in pixels.
      builder: "module:class" of its tfds builder.
      config: the builder's configuration, where it has several.
      generated: made from a seed, without raw files; then it is built when first used.
    """

    name: str
    size: tuple[int, int]
    builder: str
    config: str | None = None
    generated: bool = False


_FASHION = "pgjax.data.deepfashion:DeepFashion"
_PEOPLE = "pgjax.data.synthetic_people:SyntheticPeople"
LARGEST = 4096  # pixels of a side of custom's pictures
_SIZED = re.compile(r"custom_([1-9]\d{0,4})x([1-9]\d{0,4})", re.ASCII)
DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset("market1501", (128, 64), "pgjax.data.market1501:Market1501"),
        Dataset("deepfashion", (256, 256), _FASHION, "256x256"),
        Dataset("deepfashion_256x176", (256, 176), _FASHION, "256x176"),
        Dataset("deepfashion_512x352", (512, 352), _FASHION, "512x352"),
        Dataset("custom", (256, 256), "pgjax.data.custom:Custom", "256x256"),
        Dataset("synthetic_people", (64, 32), _PEOPLE, "64x32", generated=True),
        Dataset("synthetic_people_128x64", (128, 64), _PEOPLE, "128x64", generated=True),
        Dataset("synthetic_people_256x256", (256, 256), _PEOPLE, "256x256", generated=True),
    )
}
"""By name. `custom_HEIGHTxWIDTH` is not in it: see `find`."""


def find(name: str) -> Dataset:
    """The data set of that name: one of DATASETS, or "custom_HEIGHTxWIDTH".

    Raises:
      InputError: there is none, or its pictures would be larger than LARGEST.
    """
    if name in DATASETS:
        return DATASETS[name]
    if (match := _SIZED.fullmatch(name)) is None:
        raise InputError(
            f"unknown data set {name!r}; there are {', '.join(DATASETS)}, and custom_HEIGHTxWIDTH, and those "
            "of a file that is named by --extend"
        )
    height, width = map(int, match.groups())
    if max(height, width) > LARGEST:
        raise InputError(f"data set {name}: expected a size of at most {LARGEST}x{LARGEST} pixels")
    size = f"{height}x{width}"
    return dataclasses.replace(DATASETS["custom"], name=name, size=(height, width), config=size)


def load(name: str, data_dir: str | os.PathLike = DATA_DIR):
    """The tfds builder of a built data set; one that is generated from a seed is built if need be.

    Raises:
      FileNotFoundError: it is not built; says how to build it.
      InputError: no data set has that name.
    """
    dataset = find(name)
    buckets.check(_folder(data_dir))
    if is_built(name, data_dir):
        return _builder(dataset, _fetched(name, data_dir))
    if dataset.generated:
        return build(name, buckets.local(_folder(data_dir)))
    raise FileNotFoundError(
        f"data set {name} is not in {data_dir}: build it with: "
        f"pgjax prepare {name} --raw DIR --data_dir {data_dir}"
    )


def build(
    name: str,
    data_dir: str | os.PathLike = DATA_DIR,
    raw: str | os.PathLike | None = None,
    **options,
):
    """Builds a data set from the files in `raw`, unless a complete one is there already.

    `data_dir` may be gs://BUCKET/FOLDER: built in its local copy (buckets.local), then copied there.
    A data set appears in `data_dir` at once when it is complete; what a killed build left behind is
    removed by the next one. Other processes that build the same one wait. A terminal sees progress
    on standard error.

    Args:
      options: of the builder, such as fields of custom.PhotosConfig.

    Returns:
      The tfds builder.

    Raises:
      FileNotFoundError: `raw` or a file in it is missing.
      InputError: the first fault in the files, no data set has that name, it takes no such option,
        or it is there with other options.
    """
    dataset = find(name)
    place = path(name, data_dir)
    buckets.check(place)
    if is_built(name, data_dir):
        _configured(dataset, options)  # what can't be is not said to be built otherwise
        built = _builder(dataset, _fetched(name, data_dir))
        _check_options(built, options)
        return built
    if paths.in_bucket(place):
        here = buckets.local(_folder(data_dir))
        if not dataset.generated:
            # A copy of what was removed there: of other raw files, perhaps.
            shutil.rmtree(path(name, here), ignore_errors=True)
        built = build(name, here, raw, **options)
        announce(f"copying data set {name} to {place}")
        buckets.upload(path(name, here), place, last=COMPLETE)
        return built
    if not dataset.generated:
        if raw is None:
            raise InputError(f"data set {name} is built from files: say with --raw where they are")
        raw = paths.local(raw).absolute()
        if not raw.is_dir() or not any(raw.iterdir()):
            expected = _builder_class(dataset).MANUAL_DOWNLOAD_INSTRUCTIONS
            raise FileNotFoundError(f"{raw}: no such folder, or an empty one. {expected}")

    announce(f"building data set {name} in {place}, once")
    import tensorflow_datasets as tfds

    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(buckets.locked(place.with_name(f".{place.name}.lock")))
        if place.exists() and not is_built(name, data_dir):
            raise InputError(f"{place}: not a complete data set; remove it to build it anew")
        for leftover in place.parent.glob(f"incomplete.*_{place.name}"):
            shutil.rmtree(leftover)
        # tfds greets on standard output, which is for results here.
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        if not sys.stderr.isatty():
            tfds.disable_progress_bar()
        unused = stack.enter_context(tempfile.TemporaryDirectory())
        _builder(dataset, data_dir, options).download_and_prepare(
            download_dir=unused,
            download_config=tfds.download.DownloadConfig(
                manual_dir=raw, compute_stats=tfds.download.ComputeStatsMode.SKIP
            ),
        )
    return _builder(dataset, data_dir)


def _folder(data_dir: str | os.PathLike) -> paths.Path:
    return paths.of(data_dir)


def _fetched(name: str, data_dir: str | os.PathLike) -> Path:
    """A local `data_dir` that holds a built data set: array_record reads files of this machine alone."""
    buckets.fetch(path(name, data_dir))
    return buckets.local(_folder(data_dir))


def path(name: str, data_dir: str | os.PathLike = DATA_DIR) -> paths.Path:
    """Where a data set of that name lies in `data_dir` once it is built."""
    dataset = find(name)
    builder = _builder_class(dataset)
    folders = (builder.name, dataset.config, str(builder.VERSION))
    return _folder(data_dir).joinpath(*filter(None, folders))


def is_built(name: str, data_dir: str | os.PathLike = DATA_DIR) -> bool:
    """Whether a complete data set of that name lies in `data_dir`."""
    return (path(name, data_dir) / COMPLETE).is_file()


def any_built(data_dir: str | os.PathLike = DATA_DIR) -> bool:
    """Whether a folder holds any built data set; asks no tfds, and of a bucket nothing."""
    folder = _folder(data_dir)
    return paths.in_bucket(folder) or any(folder.glob(f"*/**/{COMPLETE}"))


def _builder_class(dataset: Dataset):
    module, _, name = dataset.builder.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        if getattr(error, "name", None) not in (
            module,
            name,
        ):  # of what the builder itself imports or does
            raise
        raise InputError(
            f"DATASETS[{dataset.name!r}]: there is no builder {dataset.builder!r} ({error}); expected "
            "MODULE:CLASS, of a file MODULE.py beside the one that names it, or of an installed module"
        ) from None


def _builder(
    dataset: Dataset, data_dir: str | os.PathLike, options: Mapping[str, object] | None = None
):
    builder = _builder_class(dataset)
    if importlib.util.find_spec("array_record") is None:
        raise InputError(
            f"data set {dataset.name}: is kept in files of array_record, which is not installed; there is "
            "none for Windows, where WSL 2 has it"
        )
    config = _configured(dataset, options or {})
    with _without_warnings():
        return builder(data_dir=paths.local(data_dir), config=config, file_format="array_record")


def _configured(dataset: Dataset, options: Mapping[str, object]):
    """The builder's configuration, or its name. InputError: an option that it does not take, or its value."""
    builder = _builder_class(dataset)
    # A builder that is configured may say what it takes.
    unknown = set(options) - set(getattr(builder, "OPTIONS", options))
    if unknown:
        raise InputError(f"data set {dataset.name} takes no {', '.join(sorted(unknown))}")
    if hasattr(builder, "configured"):
        return builder.configured(dataset.config, **options)
    if options:
        raise InputError(f"data set {dataset.name} takes no {', '.join(options)}")
    return dataset.config


def _check_options(built, options: Mapping[str, object]) -> None:
    """A data set that is there was built with these options; with an option's default before there was it."""
    known = (built.info.metadata or {}).get("options", {})
    if known:
        known = built.builder_config.options() | known
    for option, value in options.items():
        if option not in known and option in getattr(type(built), "OPTIONS", ()):
            raise InputError(
                f"{built.data_dir} is built already, by an earlier version, which recorded no {option}; "
                "remove it to build it anew"
            )
        if option not in known:
            raise InputError(f"data set {built.name} takes no {option}")
        if known[option] != value:
            raise InputError(
                f"{built.data_dir} is built already, with {option} {known[option]}, not {value}; "
                "remove it to build it anew"
            )


@contextlib.contextmanager
def _without_warnings():
    """tfds warns of every configuration that its class does not list, such as one of any size."""
    from absl import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
