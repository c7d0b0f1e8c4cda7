"""Released weights as models: small files that TensorFlow and Keras wrote, and what these draw with them.

made_by_tensorflow.py, which lies beside the files, has made them. In slow tests it makes others.
"""

import importlib
import json
import pathlib
import re
import shutil

import h5py
import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from pgjax.errors import InputError
from pgjax.images.pixels import to_float
from pgjax.pose import raster
from pgjax.pose.scene import Scene
from pgjax.serving import published
from pgjax.serving.transfer import PoseTransfer
from pgjax.training import finetuning, model_folder
from pgjax.training.recipe import build
from pgjax.training.state import modules, state_shapes

HERE = pathlib.Path(__file__).parent
MAKER = "made_by_tensorflow.py"
SIZE = (128, 64)
# The tables of the others are those of full_released; the pictures are at the size of market1501.
ROWS = [
    (name, row)
    for name, system in published.SYSTEMS.items()
    for row in system.rows
    if row.startswith("deepfashion") and not row.endswith(("/dsc_released", "/percloss_released"))
]
NARROW = {
    "deformable": ("market1501/dsc_released", ["networks.*.options.features=1"]),
    "pg2": (
        "market1501/g1_g2_d_released",
        ["networks.*.options.features=2", "networks.g1.options.code=3"],
    ),
}
FILES = {"deformable": ("generator.h5", "discriminator.h5"), "pg2": ("model.ckpt-7",)}
main = importlib.import_module("pgjax.tools.import").main  # whose name is a word of the language


def arguments(system, files, out):
    row, changes = NARROW[system]
    return [
        system,
        *map(str, files),
        f"--row={row}",
        f"--out={out}",
        *(f"--set={c}" for c in changes),
    ]


@pytest.fixture(scope="module")
def scene(expected):
    """What the networks read, of the photos and joints of expected.npz."""
    joints, seen = expected["joints"].astype(np.float32), np.ones((1, 18), bool)
    photos = to_float(expected["photos"])
    return Scene(**dict.fromkeys(Scene._fields))._replace(
        source_image=photos[:1],
        target_image=photos[1:],
        source_heatmaps=raster.heatmaps(joints[:1], seen, SIZE, sigma=6),
        target_heatmaps=raster.heatmaps(joints[1:], seen, SIZE, sigma=6),
        target_discs=raster.discs(joints[1:], seen, SIZE, radius=4),
        part_transforms=expected["part_transforms"],
        part_exists=np.ones((1, 10), bool),
        part_masks=expected["part_masks"],
    )


@pytest.fixture(scope="module")
def models(place, tmp_path_factory):
    """The folders that the command wrote, by system."""
    out = tmp_path_factory.mktemp("imported")
    for system, names in FILES.items():
        main(arguments(system, [place / name for name in names], out / system))
    return {system: out / system for system in FILES}


@pytest.fixture
def copied(tmp_path):
    """The files of the authors, to be damaged."""
    for file in HERE.glob("*[!y]"):
        if file.is_file():
            shutil.copy(file, tmp_path)
    return tmp_path


def drawn(folder, scene):
    """Every generator's image and every critic's logits."""
    model = model_folder.read(folder)
    made, images = modules(model.recipe), {}

    @jax.jit
    def draw(variables, scene):
        for name in model.recipe.stages[model.stage].generators:
            images[name] = made[name].apply(variables[name], scene, images, train=False)
        judged = {
            name: made[name].apply(variables[name], scene, scene.target_image, train=False)
            for name in set(variables) - set(images)
        }
        return images | judged

    return draw(model.variables, scene)


@pytest.mark.parametrize("place", [None, pytest.param(21, marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize(("system", "networks"), [("deformable", "gd"), ("pg2", ("g1", "g2"))])
def test_pictures_are_those_of_tensorflow(models, expected, scene, place, system, networks):
    tolerance = 1e-5 if place == HERE else 1e-4  # of any seed
    found = drawn(models[system], scene)
    assert sorted(found) == sorted(networks)
    for name in networks:
        there = expected[f"{system}_{name}"]
        here = found[name][:, ::2, ::2] if there.ndim == 4 else found[name]
        assert np.std(there) > 0.1
        np.testing.assert_allclose(here, there, atol=tolerance, rtol=0)


def test_a_model_draws_and_says_where_it_comes_from(models, expected):
    model = model_folder.read(models["deformable"])
    assert (model.step, model.stage, model.size) == (90_000, "stage1", SIZE)
    digest = model_folder.digest(HERE / "generator.h5")
    assert model.imported["files"]["generator.h5"] == digest
    photo, (source, target) = expected["photos"][0], expected["joints"]
    picture = PoseTransfer(model)(photo, source, target)
    assert picture.shape == (*SIZE, 3) and picture.std() > 1
    card = (models["deformable"] / "README.md").read_text()
    assert f"`generator.h5` (sha256 {digest})" in card and "not under the license of pgjax" in card
    assert "github.com/AliaksandrSiarohin/pose-gan" in card and "scores" in card
    assert "of 90,000" not in card and "evaluate.py" not in card
    # Of the generator alone, though the critic is there.
    assert (
        f"| parameters | {sum(x.size for x in jax.tree.leaves(model.variables['g'])):,} |" in card
    )


def test_a_run_may_begin_with_imported_weights(models):
    assert set(finetuning.read(str(models["deformable"])).networks) == {"g", "d"}
    assert set(finetuning.read(str(models["pg2"])).networks) == {"g1", "g2"}


def test_a_checkpoint_is_named_as_tensorflow_does_or_by_a_file(models, tmp_path):
    for name in ("model.ckpt-7.index", "model.ckpt-7.data-00000-of-00001"):
        main(arguments("pg2", [HERE / name], tmp_path / "model"))
        sums = [folder / "SHA256SUMS" for folder in (tmp_path / "model", models["pg2"])]
        assert sums[0].read_bytes() == sums[1].read_bytes()


@pytest.mark.parametrize(("system", "row"), ROWS)
def test_every_array_of_every_row_has_one_name(system, row):
    """And every name has one array; rows are those of the configs."""
    entry, recipe = published.SYSTEMS[system], build(published.config_of(system, row))
    shapes = state_shapes(recipe)
    for networks in entry.files.values():
        names = []
        for network in filter(recipe.networks.__contains__, networks):
            table = entry.tables[network](recipe.networks[network].options, recipe.image_size)
            ours = flatten_dict(shapes.networks[network].variables, sep="/")
            assert set(table) == set(ours)
            names += [one.name for one in table.values()]
            for path, (_, layout) in table.items():
                theirs = layout.shape(ours[path].shape)
                assert layout.ours(np.zeros(theirs), ours[path].shape).shape == ours[path].shape
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("row", "layers"),
    [
        ("market1501/baseline", 21),
        ("market1501/dsc_released", 31),
        ("deepfashion/baseline", 25),
        ("deepfashion/full_released", 37),
    ],
)
def test_as_many_layers_as_users_of_the_released_files_were_told(row, layers):
    """By Keras, which counts them (docs/reference_facts.md, 1.7)."""
    recipe = build(published.config_of("deformable", row))
    make = published.SYSTEMS["deformable"].tables["g"]
    table = make(recipe.networks["g"].options, recipe.image_size)
    assert len({entry.name.partition("/")[0] for entry in table.values()}) == layers


def fails(capsys, match, arguments):
    with pytest.raises(InputError, match=match) as caught:
        main(arguments)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def _rename(file):
    file.move("conv2d_3", "other")


def _reshape(file):
    place = "instance_normalization_2/instance_normalization_2/gamma:0"
    del file[place]
    file[place] = np.zeros(5, np.float32)


def _add(file):
    file["conv2d_14/conv2d_14/kernel:0"] = np.zeros((3, 3, 1, 1), np.float32)


def _integers(file):
    place = "conv2d_13/conv2d_13/bias:0"
    del file[place]
    file[place] = np.zeros(3, np.int32)


def _pickle(file):
    del file["conv2d_13/conv2d_13/bias:0"]
    file["conv2d_13/conv2d_13/bias:0"] = [b"cos\nsystem\n"] * 3


def _twice(file):
    file["conv2d_3/again/kernel:0"] = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_rename, r"conv2d_3/kernel is missing"),
        (_reshape, r"instance_normalization_2/gamma has the shape \(5,\), expected \(1,\)"),
        (_add, r"conv2d_14/kernel has no place in these networks"),
        (_integers, r"conv2d_13/bias holds no floating-point numbers"),
        (_pickle, r"conv2d_13/bias holds no floating-point numbers"),
        (_twice, r"conv2d_3/kernel twice"),
    ],
)
def test_an_array_of_a_keras_file_that_does_not_fit_is_named(copied, capsys, change, match):
    with h5py.File(copied / "generator.h5", "a") as file:
        change(file)
    given = arguments("deformable", [copied / "generator.h5"], copied / "out")
    fails(capsys, r"generator\.h5: .*" + match, given)
    assert not (copied / "out").exists()


@pytest.mark.parametrize("size", [0, 100, 100_000, -1000])
def test_a_keras_file_that_is_cut_short_is_one_line(copied, capsys, size):
    file = copied / "generator.h5"
    file.write_bytes(file.read_bytes()[:size])
    fails(capsys, "damaged", arguments("deformable", [file], copied / "out"))


def test_the_critics_file_is_not_the_generators(copied, capsys):
    given = arguments("deformable", [HERE / "discriminator.h5"], copied / "out")
    fails(capsys, r"(conv2d|instance_normalization)\S+ is missing \(and \d+ more\)", given)
    given = arguments("deformable", [HERE / "generator.h5"] * 3, copied / "out")
    fails(
        capsys, r"3 files: market1501/dsc_released has from 1 to 2, in this order: generator", given
    )


@pytest.mark.parametrize(
    ("name", "place"), [("index", 40), ("index", -3), ("index", -45), ("data", 50_000)]
)
def test_a_flipped_bit_of_a_checkpoint_is_one_line(copied, capsys, name, place):
    (file,) = copied.glob(f"model.ckpt-7.{name}*")
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)
    given = arguments("pg2", [copied / "model.ckpt-7"], copied / "out")
    fails(capsys, r"damaged|cut short|no protobuf|no header", given)


@pytest.mark.parametrize(("name", "size"), [("index", 0), ("index", 700), ("data", 90_000)])
def test_a_checkpoint_that_is_cut_short_is_one_line(copied, capsys, name, size):
    (file,) = copied.glob(f"model.ckpt-7.{name}*")
    file.write_bytes(file.read_bytes()[:size])
    given = arguments("pg2", [copied / "model.ckpt-7"], copied / "out")
    fails(capsys, r"model\.ckpt-7: .*(damaged|is cut short)", given)


def test_another_network_of_a_checkpoint_is_named(copied, capsys, monkeypatch):
    given = arguments("pg2", [HERE / "model.ckpt-7"], copied / "out")
    fails(
        capsys,
        r"Conv\S* has the shape .*, expected",
        [*given, "--set=networks.g2.options.features=3"],
    )
    strict = published.SYSTEMS["pg2"]._replace(besides=re.compile("step"))
    monkeypatch.setitem(published.SYSTEMS, "pg2", strict)
    fails(capsys, r"has no place in these networks \(and \d+ more\)", given)


def test_an_unknown_system_or_row_is_told(tmp_path, capsys):
    given = ["x.h5", f"--out={tmp_path / 'out'}"]
    fails(capsys, r"unknown system 'gan'; there are", ["gan", *given, "--row=market1501/full"])
    fails(
        capsys,
        r"deformable has no released weights of 'market1501/full'.*did you mean",
        ["deformable", *given, "--row=market1501/full"],
    )
    with pytest.raises(FileNotFoundError, match=r"x\.h5"):
        main(["deformable", *given, "--row=market1501/baseline"])
    with pytest.raises(FileNotFoundError, match=r"x\.h5\.index"):
        main(["pg2", *given, "--row=market1501/g1_g2_d_released"])


def test_models_from_before_there_were_imports_are_read(models):
    values = json.loads((models["pg2"] / "model.json").read_text())
    del values["imported"]
    (models["pg2"] / "model.json").write_text(json.dumps(values))
    sums = (models["pg2"] / "SHA256SUMS").read_text().splitlines()
    digest = model_folder.digest(models["pg2"] / "model.json")
    sums = [f"{digest}  model.json" if "model.json" in line else line for line in sums]
    (models["pg2"] / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sums))
    assert model_folder.read(models["pg2"]).imported is None
