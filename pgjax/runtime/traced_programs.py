"""Traced programs kept on disk beside XLA's compiled ones, so that a run that goes on does not trace again.

JAX finds a compiled program by the program itself, which is traced and lowered for that: seconds of
Python for a full-width step, more than loading takes. Here a program is found by what it follows from.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import jax
from jax import export

from pgjax.files import config_files, paths

FOLDER = "programs"  # in that of JAX's own cache
PLATFORMS = ("cpu",)
"""Where this is tested. Elsewhere every start traces."""

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy")
"""Whose versions and files a program follows from, beside pgjax's own."""

_CACHES = ("jax_compilation_cache", "jax_enable_compilation_cache", "jax_persistent_cache")
# Whichever thread runs a program, it is the same.
_IRRELEVANT = (*_CACHES, "jax_cpu_enable_async_dispatch")
# XLA's CPU compiler knows it; it is no stable format, but no other version will read it either.
_CHECKED_HERE = [export.DisabledSafetyCheck.custom_call("LayoutConstraint")]

_BEGUN = time.time()  # before what is traced was imported
_folder: pathlib.Path | None = None
_loaded: str | None = None  # the source that this process has imported


def keep(cache: str | os.PathLike | None) -> None:
    """Keeps programs in FOLDER below the folder of JAX's cache; with None, or a bucket, none any more.

    For commands, as soon as they have imported what they compute with: a file that changes later is not
    what is traced, and then nothing is kept. Whoever exchanges pgjax's functions in the same process would
    be given programs of those that were there before.
    """
    global _folder, _loaded
    _loaded, _folder = None, None
    if cache and "://" not in os.fspath(cache) and (source := _source()) is not None:
        _loaded, _folder = source, pathlib.Path(cache) / FOLDER


def kept(
    function: Any, identity: str, sharding: jax.sharding.Sharding, donate: tuple[int, ...]
) -> Any:
    """The function jitted, its program read from disk if it was kept there, else traced and kept.

    The program is the same either way, to the bit. The function itself where programs are not kept: `keep`
    was not called, several hosts, not on one of PLATFORMS. It runs all the same where its program cannot
    be kept: it calls Python, or takes or returns trees of other than tuples, lists, dictionaries with
    string keys and named tuples, and of the last no others than it takes.

    Args:
      function: mapped over this host's devices.
      identity: what it follows from beside its arguments' shapes and types, pgjax's files, LIBRARIES and
        JAX's settings.
      sharding: of all arguments.
      donate: arguments that it may overwrite.
    """
    folder, loaded = _folder, _loaded
    if folder is None or loaded is None:
        return function
    if jax.process_count() > 1 or jax.default_backend() not in PLATFORMS:
        return function

    def program(*arguments):
        if _source() != loaded:
            return function(*arguments)
        _name_tuples(arguments)
        path = folder / _key(identity, loaded, arguments)
        found = _read(path)
        if found is None:
            shapes = jax.tree.map(
                lambda x: jax.ShapeDtypeStruct(
                    x.shape, x.dtype, sharding=sharding, weak_type=x.weak_type
                ),
                arguments,
            )
            try:
                found = export.export(jax.jit(function), disabled_checks=_CHECKED_HERE)(*shapes)
                blob = found.serialize()
            except Exception:
                # It cannot be kept, for one of many reasons. An error of its own comes again.
                return function(*arguments)
            _write(path, blob)
        return found.call(*arguments)

    program.__name__ = function.__name__  # XLA's for the module
    return jax.jit(program, in_shardings=sharding, donate_argnums=donate)


def _key(identity: str, source: str, arguments: Any) -> str:
    leaves, tree = jax.tree.flatten(arguments)
    settings = {k: str(v) for k, v in jax.config.values.items() if not k.startswith(_IRRELEVANT)}
    device = jax.local_devices()[0]
    said = (
        identity,
        str(tree),
        [str(jax.typeof(x)) for x in leaves],
        sorted(settings.items()),
        (jax.local_device_count(), device.platform, device.device_kind),
        sys.version,
        source,
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _source() -> str | None:
    """A digest of pgjax's files, and of what tells one state of the libraries' files from another.

    None while files come and go, and where one of pgjax's may have changed since it was imported.
    """
    try:
        return _digest()
    except OSError:
        return None


def _digest() -> str | None:
    digest = hashlib.sha256()
    for name, path in _files(config_files.PACKAGE):
        state = path.stat()
        if state.st_mtime > _BEGUN:
            return None
        digest.update(f"{name}\0{state.st_size}\0".encode())
        digest.update(path.read_bytes())
    for library in LIBRARIES:
        module = sys.modules[library]
        digest.update(f"{library}\0{module.__version__}\0".encode())
        for name, path in _files(pathlib.Path(str(module.__file__)).parent):
            state = path.stat()
            digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _files(folder: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Names below the folder, and paths, of what Python runs there."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            # Editors lock files by links of such names to nowhere.
            if name.endswith((".py", ".so", ".npz")) and not name.startswith("."):
                path = pathlib.Path(parent, name)
                yield path.relative_to(folder).as_posix(), path


def _name_tuples(tree: Any) -> None:
    """Tells JAX how the named tuples in a tree are called on disk."""

    def inner(x):
        return x is not tree and isinstance(x, tuple) and hasattr(x, "_fields")

    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        _name_tuple(type(tree))
    for x in jax.tree.leaves(tree, is_leaf=inner):
        if inner(x):
            _name_tuples(x)


@functools.cache
def _name_tuple(kind: type) -> None:
    name = f"{kind.__module__}.{kind.__qualname__}"
    with contextlib.suppress(ValueError):  # somebody else has named it
        export.register_namedtuple_serialization(kind, serialized_name=name)


def _read(path: pathlib.Path) -> export.Exported | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, blob = data[:32], data[32:]
    if hashlib.sha256(blob).digest() != digest:
        warnings.warn(f"{path} is damaged; traced again", stacklevel=2)
        return None
    try:
        return export.deserialize(bytearray(blob))
    except Exception:  # such as tuples in what it returns that nothing has named in this process
        return None


def _write(path: pathlib.Path, blob: bytes | bytearray) -> None:
    try:
        paths.write_bytes(path, hashlib.sha256(blob).digest() + blob)
    except OSError as error:  # a full disk, a folder that cannot be written
        warnings.warn(f"{path} is not kept: {error.strerror or error}", stacklevel=2)
