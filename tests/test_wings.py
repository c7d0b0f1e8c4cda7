"""The plan of the house: wings from top to bottom; imports run down between them, in no circle inside one."""

import ast
import graphlib
import pathlib

import pgjax

HOME = pathlib.Path(pgjax.__file__).parent
WINGS = (
    "__main__",
    "tools",
    "serving",
    "scoring",
    "training",
    "metrics",
    "data",
    "frozen",
    "nets",
    "keypoints",
    "pose",
    "images",
    "runtime",
    "files",
    "progress",
    "errors",
)
PLAIN = {"nets/convolution", "nets/spectral", "keypoints", "pose", "images"}
FOREIGN = {"flax", "tensorflow_datasets", "grain", "optax", "orbax"}


def _wing(path: pathlib.Path) -> str:
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def _imports(path: pathlib.Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _files():
    return [p for p in sorted(HOME.rglob("*.py")) if p != HOME / "__init__.py"]


def test_wings_are_all_there_are():
    assert {_wing(p) for p in _files()} == set(WINGS)


def test_imports_go_down():
    breaches = []
    for path in _files():
        wing = _wing(path)
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "pgjax" or len(parts) < 2 or parts[1] in (wing, "__version__"):
                continue
            if WINGS.index(parts[1]) <= WINGS.index(wing):
                breaches.append(f"{path.relative_to(HOME)} imports {name}")
    assert not breaches


def _name(path: pathlib.Path) -> str:
    return ".".join(("pgjax", *path.relative_to(HOME).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


def test_no_circle_inside_a_wing():
    modules = {_name(path) for path in _files()}
    below = {}
    for path in _files():
        reached = {n if n in modules else n.rpartition(".")[0] for n in _imports(path)}
        below[_name(path)] = (reached & modules) - {_name(path)}
    list(
        graphlib.TopologicalSorter(below).static_order()
    )  # raises CycleError, which names the circle


def test_the_geometry_is_plain_jax():
    for path in _files():
        place = path.relative_to(HOME).as_posix()
        if place.startswith(tuple(PLAIN)):
            foreign = {name.split(".")[0] for name in _imports(path)} & FOREIGN
            assert not foreign, f"{path} imports {foreign}"
