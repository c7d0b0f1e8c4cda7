"""Operations of JAX as ONNX's, run by ONNX Runtime: each gives what JAX gives, for a batch of any size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from pgjax.nets import convolution

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# Below, since they import what the lines above may skip without.
from pgjax.serving.portable import conversion, values  # noqa: E402
from pgjax.serving.portable.values import NotConvertibleError  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 6, 4, 2)).astype(np.float32)
Y = np.where(rng.random(X.shape) < 0.2, 0, rng.normal(size=X.shape)).astype(np.float32)
SEEN = rng.random((3, 6)) < 0.5
PLACES = rng.integers(-3, 9, (3, 5)).astype(np.int32)  # some lie outside
KERNEL = rng.normal(size=(4, 4, 2, 3)).astype(np.float32)


def scanned(x, reverse=False):
    def turn(total, row):
        total = 0.5 * total + row * x[:, 0, 0, :1]
        return total, total * 2

    end, all_of_them = lax.scan(
        turn, jnp.zeros_like(x[:, 0, 0]), x[:, 0].swapaxes(0, 1), reverse=reverse
    )
    return end + all_of_them[1]


def marked(row, column):
    def mark(row, column):
        return jnp.zeros((6, 4), bool).at[row, column].set(True, mode="drop")

    return jax.vmap(mark)(row, column)


def looked_up(x, places, mode):
    return jax.vmap(lambda one, place: one.at[place].get(mode=mode, fill_value=-7))(
        x[:, :, 0], places
    )


CASES = {
    "angles": (jnp.atan2, X, Y),
    "arithmetic": (lambda x, y: (jnp.abs(x) ** 1.5 - x / (y + 9)) * jnp.sign(y) - x**3, X, Y),
    "bits": (lambda seen: jnp.where(seen.any(1) & ~seen.all(1), 1.0, 2.0) + seen.sum(1), SEEN),
    "bytes": (lambda x: (x * 50).round().clip(0, 255).astype(jnp.uint8), X),
    "columns": (lambda x: jnp.stack([x[..., 1], x[..., 0]], 2)[:, ::-1, 0, ::2], X),
    "constants": (lambda x: x + jnp.arange(4.0)[None, None, :, None], X),
    "convolution": (lambda x: convolution.convolve(x, KERNEL, 2, "SAME"), X),
    "cropped": (lambda x: convolution.convolve_transposed(x, KERNEL, 2, 0), X),
    "dilated": (
        lambda x: lax.conv_general_dilated(
            x,
            KERNEL[:2, :2],
            (1, 1),
            "SAME",
            rhs_dilation=(2, 2),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ),
        X,
    ),
    "edges": (lambda x: jnp.pad(x, ((0, 0), (2, 2), (1, 0), (0, 0)), "reflect"), X),
    "entries": (lambda x: x[:, [4, 1, 1], [0, 3, 2]], X),
    "joints": (lambda x: x.at[:, 2, 0, 1].set(x[:, 0, 0, 0] * 2), X),
    "marks": (marked, PLACES, PLACES[:, ::-1].copy()),
    "numbers": (
        lambda x: jnp.isfinite(jnp.sqrt(x)).all(axis=(1, 2)) | jnp.isnan(1 / x)[:, 0, 0],
        X,
    ),
    "outside_clipped": (lambda x, places: looked_up(x, places, "clip"), X, PLACES),
    "outside_filled": (lambda x, places: looked_up(x, places, "fill"), X, PLACES),
    "padding": (lambda x: lax.pad(x, -1.0, ((0, 0, 0), (2, -1, 0), (-1, 3, 0), (0, 0, 0))), X),
    "products": (lambda x, y: jnp.einsum("bijc,bkjd->bcikd", x, y), X, Y),
    "same_batch": (lambda x: jnp.ones_like(x[:, 0, 0]) @ KERNEL[0, 0] + x[:, :3, 0, 0], X),
    "scan": (scanned, X),
    "scan_backwards": (lambda x: scanned(x, reverse=True), X),
    "softmax": (lambda x: jax.nn.softmax(x.reshape(x.shape[0] * 6, -1), -1).reshape(x.shape), X),
    "transposed": (lambda x: convolution.convolve_transposed(x, KERNEL, 2), X),
    "truncated": (lambda x: jnp.trunc(x * 3) + jax.nn.relu(x).max((1, 3), keepdims=True), X),
    "windows": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 1, 1), "SAME"),
        X,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_are_those_of_jax(name):
    function, *given = CASES[name]
    inputs = {f"given{i}": (one.dtype.name, one.shape[1:]) for i, one in enumerate(given)}
    graph = conversion.translate(lambda *args: [function(*args)], inputs, ["made"])
    content = graph.model("case", {}, ("pgjax", "0")).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    wanted = np.asarray(function(*map(jnp.asarray, given)))
    for size in (3, 1):
        now = [one[:size] for one in given]
        (found,) = session.run(None, dict(zip(inputs, now, strict=True)))
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted[:size], rtol=2e-6, atol=5e-6)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: jnp.sort(x, axis=1), "sort"),
        (lambda x: jnp.cumsum(x, axis=1), "cumsum"),
        (lambda x: x[1:] + x[:-1], "of batch"),
        (lambda x: jnp.arange(x.shape[0], dtype=jnp.float32), "batch size"),
    ],
)
def test_what_is_not_converted_is_named(function, said):
    with pytest.raises(NotConvertibleError, match=said):
        conversion.translate(lambda x: [function(x)], {"x": ("float32", X.shape[1:])}, ["made"])


def test_what_no_file_holds_is_told(monkeypatch):
    graph = conversion.translate(
        lambda x: [x + KERNEL[0, 0, :1]], {"x": ("float32", (3,))}, ["made"]
    )
    monkeypatch.setattr(values, "MOST", 8)
    with pytest.raises(NotConvertibleError, match="its arrays take 12 bytes; a file holds 8"):
        graph.model("case", {}, ("pgjax", "0"))


def test_an_input_that_is_not_read_is_left_out_and_equal_nodes_are_one():
    def function(x, y):
        return [jnp.tanh(x) * jnp.tanh(x)]

    inputs = {name: ("float32", (2,)) for name in ("x", "y")}
    model = conversion.translate(function, inputs, ["made"]).model("case", {}, ("pgjax", "0"))
    assert [one.name for one in model.graph.input] == ["x"]
    assert [node.op_type for node in model.graph.node] == ["Tanh", "Mul", "Identity"]
