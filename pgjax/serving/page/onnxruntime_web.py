"""ONNX Runtime for browsers, which the page carries with it: two files of the npm package onnxruntime-web.

npm fetches the package, so that the user's registry and proxies are used; without npm it is downloaded from
the registry. Nothing is installed, and nothing of it runs here. The package's sha256 is checked before it is
opened, and that of each file before it is used.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from pgjax.errors import InputError, NotMeasuredError
from pgjax.files import paths
from pgjax.frozen import files
from pgjax.frozen.files import Published
from pgjax.progress import announce

VERSION = "1.30.0"
PACKAGE = Published(
    f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz",
    "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71",
    f"onnxruntime-web-{VERSION}.tgz",
)
# The bundle for WebAssembly alone: without WebGL and WebGPU, whose pictures differ.
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
FOLDER = f"onnxruntime-web-{VERSION}"  # in the folder of data sets


def obtain(data_dir: str | os.PathLike, package: str | os.PathLike | None = None) -> list[Path]:
    """The verified files, fetched once into DATA_DIR/onnxruntime-web-VERSION.

    Args:
      data_dir: a folder, made if need be.
      package: the package's file, where it was fetched by other means.

    Raises:
      FileNotFoundError: there is no such package.
      InputError: the package is not to be had, or it or a file is another one.
    """
    folder = paths.local(data_dir) / FOLDER
    if not all((folder / name).is_file() for name in FILES):
        with files.work_folder(folder) as work:
            found = _fetched(work) if package is None else _given(package)
            for name in FILES:
                _unpack(found, name, work / name)
            for name in FILES:
                os.replace(work / name, folder / name)
    for name in FILES:
        _verify(folder / name, f"delete {folder} and try again")
    return [folder / name for name in FILES]


def _given(package: str | os.PathLike) -> Path:
    path = paths.local(package)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such package")
    if fault := PACKAGE.differs(path):
        raise InputError(f"{path}: {fault}; expected {PACKAGE.url}")
    return path


def npm() -> str | None:
    """The program npm, where there is one."""
    return shutil.which("npm")


def _fetched(work: Path) -> Path:
    program, by_hand = npm(), f"fetch {PACKAGE.url} by other means and name it by --runtime"
    if program is None:
        try:
            return files.obtain(PACKAGE, work)
        except NotMeasuredError as error:
            raise InputError(
                f"onnxruntime-web {VERSION}: no npm here; {by_hand} ({error})"
            ) from error
    announce(f"fetching onnxruntime-web {VERSION} by npm, once")
    command = [program, "pack", f"onnxruntime-web@{VERSION}", "--ignore-scripts", "--silent"]
    # npm begins in the folder, which may have a name from where pgjax began.
    done = subprocess.run(
        [*command, "--pack-destination=."], capture_output=True, text=True, cwd=work
    )
    path = work / PACKAGE.name
    if done.returncode or not path.is_file():
        said = (done.stderr or done.stdout).strip().splitlines() or ["no file came"]
        raise InputError(
            f"onnxruntime-web {VERSION}: npm could not fetch it ({said[-1]}); {by_hand}"
        )
    if fault := PACKAGE.differs(path):
        raise InputError(f"onnxruntime-web {VERSION}: npm gave {fault}; {by_hand}")
    return path


def _unpack(package: Path, name: str, into: Path) -> None:
    with tarfile.open(package, "r:gz") as archive:
        content = archive.extractfile(f"package/dist/{name}")
        assert content is not None  # the package has its sha256, and so its files
        with into.open("wb") as copy:
            shutil.copyfileobj(content, copy, 1 << 20)


def _verify(path: Path, remedy: str) -> None:
    found = files.digest(path)
    if found != FILES[path.name]:
        raise InputError(
            f"{path}: damaged or another file: its sha256 is {found}, expected {FILES[path.name]}; {remedy}"
        )
