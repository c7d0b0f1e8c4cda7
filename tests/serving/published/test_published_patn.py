"""PATN's released weights as models: files that PyTorch wrote, and what it makes with them; golden arrays.

patn/made_by_torch.py has made the files and patn/expected.npz. In slow tests it makes others.
"""

import importlib
import pathlib

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

import torch_files
from pgjax.errors import InputError
from pgjax.pose.scene import Scene
from pgjax.serving import published
from pgjax.training import model_folder
from pgjax.training.recipe import build
from pgjax.training.state import modules, state_shapes

HERE = pathlib.Path(__file__).with_name("patn")
MAKER = "made_by_torch.py"
ROWS = {"batch": "market1501/patn", "instance": "deepfashion_256x176/patn"}
TITLES = {"g": "netG", "d_pb": "netD_PB", "d_pp": "netD_PP"}
NARROW = ("networks.*.options.features=1", "networks.g.options.blocks=2")
NOTHING = Scene(*[None] * (len(Scene._fields) - len(Scene._field_defaults)))
main = importlib.import_module("pgjax.tools.import").main  # whose name is a word of the language


def imported(norm, files, out, changes=NARROW):
    row = f"--row={ROWS[norm]}"
    main(["patn", *map(str, files), row, f"--out={out}", *(f"--set={c}" for c in changes)])
    return model_folder.read(out)


def files_of(norm, names=TITLES, place=HERE):
    return [place / f"{norm}_{TITLES[name]}.pth" for name in names]


@pytest.mark.parametrize("place", [None, pytest.param(21, marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize("norm", ROWS)
def test_pictures_and_logits_are_those_of_pytorch(norm, place, expected, tmp_path):
    model = imported(norm, files_of(norm, place=place), tmp_path / "model")
    fields = ("source_image", "target_image", "source_heatmaps", "target_heatmaps")
    scene = NOTHING._replace(**{name: expected[name] for name in fields})
    made = modules(model.recipe)
    tolerance = 1e-5 if place == HERE else 1e-4  # of any seed
    for name in TITLES:
        given = {} if name == "g" else scene.target_image
        found = made[name].apply(model.variables[name], scene, given, train=False)
        there = expected[f"{norm}_{name}"]
        assert np.std(there) > 0.1
        atol = tolerance * max(1, np.abs(there).max())
        np.testing.assert_allclose(found, there, atol=atol, rtol=0)


def test_the_generators_file_is_enough(tmp_path):
    model = imported("batch", files_of("batch", ["g"]), tmp_path / "model")
    assert set(model.variables) == {"g"}


@pytest.mark.parametrize("row", published.SYSTEMS["patn"].rows)
def test_every_array_of_every_row_has_one_name(row):
    system, recipe = published.SYSTEMS["patn"], build(published.config_of("patn", row))
    shapes = state_shapes(recipe)
    for name, make in system.tables.items():
        table = make(recipe.networks[name].options, recipe.image_size)
        ours = flatten_dict(shapes.networks[name].variables, sep="/")
        assert set(table) == set(ours)
        assert len({entry.name for entry in table.values()}) == len(table)
        for path, (_, layout) in table.items():
            theirs = layout.shape(ours[path].shape)
            assert layout.ours(np.zeros(theirs), ours[path].shape).shape == ours[path].shape


# ------------------------------------------------------------------ golden arrays, through the table

# Their layers' numbers in the released networks, by the golden file's names.
ENCODER = {f"down_{level}": (3 * level + 1, 3 * level + 2) for level in range(3)}
UP = {"up_0": (0, 1), "up_1": (3, 4), "out": (7, None)}
PARTS = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def theirs(name):
    """The released networks' name of a golden array, such as patb_1/pose_0/norm/scale."""
    *place, kind, part = name.split("/")
    norm = int(kind == "norm")
    if place[0] in ENCODER:
        return f"model.{ENCODER[place[0]][norm]}.{PARTS[part]}"
    if place[0].startswith("res_"):
        layer = (1, 6)[int(place[1])] + norm
        return f"model.{10 + int(place[0][4:])}.conv_block.{layer}.{PARTS[part]}"
    if place[0].startswith("patb_"):
        stream, pair = place[1].split("_")
        block = f"att.{place[0][5:]}.conv_block_stream{1 + (stream == 'pose')}"
        return f"model.{block}.{(1, 6)[int(pair)] + norm}.{PARTS[part]}"
    if place[0] in UP:
        return f"model.stream1_up.{UP[place[0]][norm]}.{PARTS[part]}"
    stream, _, layer = place[0].partition("_")
    return f"model.stream{1 + (stream == 'pose')}_down.{ENCODER[layer][norm]}.{PARTS[part]}"


def written(arrays, path, older):
    """Golden parameters as the released code writes them."""
    tensors = {}
    for place, array in arrays.items():
        if "/deconv/kernel" in place:
            array = array[::-1, ::-1].transpose(2, 3, 0, 1)
        elif place.endswith("kernel"):
            array = array.transpose(3, 2, 0, 1)
        tensors[theirs(place)] = np.ascontiguousarray(array)
    return torch_files.save(path, tensors, older)


@pytest.mark.parametrize("norm", ROWS)
def test_golden_weights_give_the_golden_picture_and_scores(shared, norm, tmp_path):
    """Written as the released code writes them, imported, and used."""
    with np.load(shared / "golden" / "patn_dev.npz") as file:
        golden = dict(file)
    files = []
    for network in ("generator", "critic"):
        prefix = f"{network}_{norm}/params/"
        arrays = {k.removeprefix(prefix): x for k, x in golden.items() if k.startswith(prefix)}
        files.append(written(arrays, tmp_path / f"{network}.pth", older=norm == "instance"))
    changes = ("networks.*.options.features=4", "networks.g.options.blocks=3")
    model = imported(norm, files, tmp_path / "model", changes)
    source, poses, real = (
        golden[name]
        for name in (
            f"generator_{norm}/source",
            f"generator_{norm}/poses",
            f"critic_{norm}/real",
        )
    )
    made = modules(model.recipe)
    scene = NOTHING._replace(
        source_image=source, source_heatmaps=poses[..., :18], target_heatmaps=poses[..., 18:]
    )
    image = jax.jit(lambda v: made["g"].apply(v, scene, {}, train=False))(model.variables["g"])
    np.testing.assert_allclose(image, golden[f"generator_{norm}/output_eval"], atol=1e-5, rtol=0)
    scene = NOTHING._replace(target_heatmaps=real[..., 3:])
    judge = jax.jit(lambda v: made["d_pb"].apply(v, scene, real[..., :3], train=False))
    expected = golden[f"critic_{norm}/score_real"]
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(judge(model.variables["d_pb"]), expected, atol=1e-5 * scale, rtol=0)


# ------------------------------------------------------------------ files that do not fit


def small():
    """Tensors of a generator by name."""
    recipe = build(published.config_of("patn", ROWS["batch"]))
    options = recipe.networks["g"].options | {"features": 1, "blocks": 2}
    names = published.SYSTEMS["patn"].tables["g"](options, recipe.image_size)
    path = files_of("batch", ["g"])[0]
    return published.SYSTEMS["patn"].stored(path).take(entry.name for entry in names.values())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.pop("model.att.1.conv_block_stream2.1.weight"), r"2\.1\.weight is missing"),
        (
            lambda t: t.update({"model.stream1_up.8.bias": np.zeros(3, np.float32)}),
            r"model\.stream1_up\.8\.bias has no place in these networks",
        ),
        (
            lambda t: t.update({"model.stream1_up.7.bias": np.zeros(4, np.float32)}),
            r"model\.stream1_up\.7\.bias has the shape \(4,\), expected \(3,\)",
        ),
        (
            lambda t: t.update({"module.x": t.pop("model.stream1_up.7.bias")}),
            r"model\.stream1_up\.7\.bias is missing",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(tmp_path, change, match):
    tensors = small()
    change(tensors)
    path = torch_files.save(tmp_path / "netG.pth", tensors)
    with pytest.raises(InputError, match=r"netG\.pth: netG \(\.pth\) of patn: .*" + match) as told:
        imported("batch", [path], tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("norm", ROWS)
@pytest.mark.parametrize("size", [0, 200, -5000])
def test_a_file_that_is_cut_short_is_one_line(tmp_path, norm, size):
    content = files_of(norm, ["g"])[0].read_bytes()
    (tmp_path / "netG.pth").write_bytes(content[:size])
    with pytest.raises(InputError, match=r"netG\.pth: netG \(\.pth\) of patn: ") as told:
        imported(norm, [tmp_path / "netG.pth"], tmp_path / "out")
    assert "\n" not in str(told.value)


def test_the_norms_have_files_of_their_own(tmp_path):
    with pytest.raises(InputError, match=r"model\.\S+ (is missing|has no place)"):
        imported("instance", files_of("batch", ["g"]), tmp_path / "out")
    with pytest.raises(InputError, match=r"model\.\S+ (is missing|has no place)"):
        imported("batch", files_of("instance", ["g"]), tmp_path / "out")
