"""The plan of the house: a module imports only from floors below its own, or from its own package."""

import ast
import pathlib

import pgjax

HOME = pathlib.Path(pgjax.__file__).parent
FLOORS = (
    {
        *("checkout", "errors", "filetypes", "interruption", "locks", "precision", "progress"),
        "random_keys",
    },
    {"paths", "process"},
    {"compiled", "csv_table", "fashion_names", "folders"},
    {"cli", "names", "photo", "skeleton"},
    {"programs", "result_names"},
    {"devices"},
    {"hosts"},
    {"batch", "buckets", "image", "keypoints", "launch", "outputs"},
    {"geometry", "lease", "reid_photos"},
    {"convolution", "raster", "similarity", "spectral", "warp"},
    {"scene"},
    {"data", "frozen", "layers", "losses"},
    {"estimators", "nets"},
    {"metrics"},
    {"recipe"},
    {"state"},
    {"checkpoint", "play"},
    {"steps"},
    {"generation", "given_poses", "limbs", "logbook", "model_folder", "rundir"},
    {"animation", "card", "finetuning", "pictures", "scoring"},
    {"report", "scorers", "summary"},
    {"evaluation", "training", "transfer"},
    {"augment", "export", "judging"},
    {"tools"},
    {"__main__"},
)
PLAIN = {
    *("skeleton", "batch", "image", "geometry", "keypoints", "photo", "precision", "random_keys"),
    *("convolution", "raster", "similarity", "spectral", "warp"),
}
FOREIGN = {"flax", "tensorflow_datasets", "grain", "optax", "orbax"}


def _floor(room: str) -> int:
    (found,) = [i for i, rooms in enumerate(FLOORS) if room in rooms]
    return found


def _room(path: pathlib.Path) -> str:
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


def test_every_room_has_a_floor():
    assert {_room(p) for p in _files()} <= set().union(*FLOORS)


def test_imports_go_down():
    breaches = []
    for path in _files():
        room = _room(path)
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "pgjax" or len(parts) < 2 or parts[1] in (room, "__version__"):
                continue
            if _floor(parts[1]) >= _floor(room):
                breaches.append(f"{path.relative_to(HOME)} imports {name}")
    assert not breaches


def test_the_lower_floors_are_plain_jax():
    for path in _files():
        if _room(path) in PLAIN:
            foreign = {name.split(".")[0] for name in _imports(path)} & FOREIGN
            assert not foreign, f"{path} imports {foreign}"
