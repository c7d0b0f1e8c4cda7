"""The weights' loader, on a network of two small layers; nothing leaves this machine."""

import contextlib
import hashlib
import http.server
import threading

import h5py
import numpy as np
import pytest

from pgjax import frozen
from pgjax.errors import InputError
from pgjax.frozen import vgg19, weights
from pgjax.frozen.weights import Source

OURS = "vgg19_block1_to_block3.npz"
OFFICIAL = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    shapes = {"block1_conv1": (3, 3, 3, 2), "block1_conv2": (3, 3, 2, 4)}
    return {
        layer: (random.normal(size=shape).astype("f4"), random.normal(size=shape[3]).astype("f4"))
        for layer, shape in shapes.items()
    }


@pytest.fixture
def publish(monkeypatch, arrays):
    """Makes the arrays the published weights, to be had at a URL."""
    content = hashlib.sha256(b"".join(x.tobytes() for pair in arrays.values() for x in pair))
    monkeypatch.setattr(vgg19, "CHANNELS", {layer: len(b) for layer, (_, b) in arrays.items()})

    def at(url):
        monkeypatch.setattr(vgg19, "SOURCE", Source(OURS, url, content.hexdigest()))

    at(f"file:///nowhere/{OFFICIAL}")
    return at


@contextlib.contextmanager
def _server(folder, answer=None):
    """Serves a folder; `answer(handler, path)` may do so in its own way."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *args):
            pass

        def do_GET(self):
            answer(self, folder / OFFICIAL) if answer else super().do_GET()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{OFFICIAL}"
        finally:
            server.shutdown()
            thread.join()


def _write_npz(path, arrays):
    parts = {f"{layer}/kernel": kernel for layer, (kernel, _) in arrays.items()}
    np.savez(path, **parts, **{f"{layer}/bias": bias for layer, (_, bias) in arrays.items()})


def _write_h5(path, arrays, names=("{0}_W_1:0", "{0}_b_1:0")):
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_group("block1_pool")
        file["block5_conv4/block5_conv4_b_1:0"] = np.zeros(7, "f4")
        for layer, pair in arrays.items():
            for name, x in zip(names, pair, strict=True):
                file[f"{layer}/{name.format(layer)}"] = x


def _same(params, arrays):
    assert list(params) == list(arrays)
    for layer, (kernel, bias) in arrays.items():
        np.testing.assert_array_equal(params[layer]["kernel"], kernel)
        np.testing.assert_array_equal(params[layer]["bias"], bias)
        assert {x.dtype for x in params[layer].values()} == {np.dtype("float32")}


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_our_own_file(publish, arrays, tmp_path):
    _write_npz(tmp_path / OURS, arrays)
    _same(frozen.load("vgg19", tmp_path), arrays)


@pytest.mark.parametrize(
    "names",
    [
        ("{0}_W_1:0", "{0}_b_1:0"),
        ("{0}/kernel:0", "{0}/bias:0"),
    ],
)
def test_the_official_file_put_there_by_hand(publish, arrays, tmp_path, names):
    _write_h5(tmp_path / OFFICIAL, arrays, names)
    _same(frozen.load("vgg19", str(tmp_path)), arrays)
    assert _names(tmp_path) == [OFFICIAL]


def test_downloaded_once(publish, arrays, tmp_path, capsys):
    _write_h5(tmp_path / "site" / OFFICIAL, arrays)
    folder = tmp_path / "models" / "weights"
    with _server(tmp_path / "site") as url:
        publish(url)
        _same(frozen.load("vgg19", folder), arrays)
    assert url in capsys.readouterr().err
    assert _names(folder) == [OURS]
    _same(frozen.load("vgg19", folder), arrays)
    with np.load(folder / OURS, allow_pickle=False) as file:
        assert sorted(file) == sorted(f"{x}/{part}" for x in arrays for part in ("kernel", "bias"))


def test_downloaded_from_a_file_url(publish, arrays, tmp_path):
    _write_h5(tmp_path / "site" / OFFICIAL, arrays)
    publish((tmp_path / "site" / OFFICIAL).as_uri())
    _same(frozen.load("vgg19", tmp_path / "weights"), arrays)


def test_no_weights_and_no_network_is_one_message(publish, tmp_path, capsys):
    with _server(tmp_path) as url:
        publish(url)
    with pytest.raises(InputError) as told:
        frozen.load("vgg19", tmp_path / "weights")
    message = str(told.value)
    assert "\n" not in message
    for part in (f"fetch {url}", f"put it into {tmp_path / 'weights'}", OURS, "refused"):
        assert part in message
    assert not (tmp_path / "weights").exists()
    assert capsys.readouterr() == ("", "")


def test_a_missing_page_is_told(publish, tmp_path):
    (tmp_path / "site").mkdir()
    with _server(tmp_path / "site") as url, pytest.raises(InputError, match="404"):
        publish(url)
        frozen.load("vgg19", tmp_path / "weights")


def test_a_server_that_says_nothing_is_left_soon(publish, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "TIMEOUT", 0.1)
    done = threading.Event()
    with _server(tmp_path, lambda *_: done.wait(10)) as url:
        publish(url)
        try:
            with pytest.raises(InputError, match="timed out"):
                frozen.load("vgg19", tmp_path / "weights")
        finally:
            done.set()


def _cut_short(handler, path):
    content = path.read_bytes()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])


def test_a_download_cut_short_leaves_nothing(publish, arrays, tmp_path):
    _write_h5(tmp_path / "site" / OFFICIAL, arrays)
    with _server(tmp_path / "site", _cut_short) as url:
        publish(url)
        with pytest.raises(InputError, match=f"^{url}: damaged"):
            frozen.load("vgg19", tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_download_of_other_weights_leaves_nothing(publish, arrays, tmp_path):
    arrays["block1_conv2"][1][3] += 1
    _write_h5(tmp_path / "site" / OFFICIAL, arrays)
    url = (tmp_path / "site" / OFFICIAL).as_uri()
    publish(url)
    with pytest.raises(InputError, match=f"^{url}: not the published weights.*sha256"):
        frozen.load("vgg19", tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_folder_that_cannot_be_made_is_told(publish, arrays, tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match=f"^{tmp_path / 'file/weights'}: .*NotADirectoryError"):
        frozen.load("vgg19", tmp_path / "file" / "weights")


def test_the_weights_file_itself(publish, arrays, tmp_path):
    _write_npz(tmp_path / "a.npz", arrays)
    _write_h5(tmp_path / "b.h5", arrays)
    for name in ("a.npz", "b.h5"):
        _same(frozen.load("vgg19", tmp_path / name), arrays)
    (tmp_path / "c.h5").write_text("other")
    with pytest.raises(InputError, match=r"c\.h5: damaged or another file .*; fetch file://"):
        frozen.load("vgg19", tmp_path / "c.h5")
    with pytest.raises(FileNotFoundError, match=r"d\.npz: no such file of weights"):
        frozen.load("vgg19", tmp_path / "d.npz")
    assert _names(tmp_path) == ["a.npz", "b.h5", "c.h5"]


def _shorten(path):
    path.write_bytes(path.read_bytes()[:-40])


def _change_a_number(path):
    with np.load(path) as file:
        content = dict(file)
    content["block1_conv1/bias"][0] += 1e-6
    np.savez(path, **content)


def _drop_an_array(path):
    with np.load(path) as file:
        content = dict(file)
    del content["block1_conv2/bias"]
    np.savez(path, **content)


def _transpose_a_kernel(path):
    with np.load(path) as file:
        content = dict(file)
    content["block1_conv2/kernel"] = content["block1_conv2/kernel"].T
    np.savez(path, **content)


def _pickle(path):
    with np.load(path) as file:
        content = dict(file)
    content["block1_conv1/bias"] = content["block1_conv1/bias"].astype(object)
    np.savez(path, **content)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_shorten, "damaged"),
        (_change_a_number, "not the published weights"),
        (_drop_an_array, "block1_conv2/bias"),
        (_transpose_a_kernel, "block1_conv2/kernel has the shape"),
        (_pickle, "allow_pickle=False"),
    ],
)
def test_a_damaged_file_of_ours_is_named(publish, arrays, tmp_path, damage, told):
    _write_npz(tmp_path / OURS, arrays)
    damage(tmp_path / OURS)
    with pytest.raises(InputError, match=f"^{tmp_path / OURS}: .*{told}.*; delete it, fetch file:"):
        frozen.load("vgg19", tmp_path)


def test_a_damaged_official_file_is_named(publish, arrays, tmp_path):
    _write_h5(tmp_path / OFFICIAL, arrays)
    with h5py.File(tmp_path / OFFICIAL, "a") as file:
        file["block1_conv1/more"] = np.zeros(2, "f4")
    with pytest.raises(InputError, match=f"^{tmp_path / OFFICIAL}: .*block1_conv1 holds"):
        frozen.load("vgg19", tmp_path)


def test_an_unknown_network_is_named(tmp_path):
    with pytest.raises(InputError, match="'vgg16'; there are vgg19"):
        frozen.load("vgg16", tmp_path)


def test_the_published_weights_verify_in_both_forms(shared, tmp_path):
    params = frozen.load("vgg19", shared / "weights")
    with np.load(shared / "weights" / OURS) as file:
        arrays = {x: (file[f"{x}/kernel"], file[f"{x}/bias"]) for x in frozen.LAYERS["vgg19"]}
    _same(params, arrays)
    _write_h5(tmp_path / OFFICIAL, arrays)
    _same(frozen.load("vgg19", tmp_path), arrays)
