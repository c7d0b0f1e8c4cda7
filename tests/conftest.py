"""Strict settings for every test, and the fixtures that reach the real data."""

import gc
import os
import pathlib
import shutil
import tempfile
import urllib.parse
import urllib.request

import hypothesis
import jax
import pytest

import gcs
from pgjax.frozen import pip_download
from pgjax.runtime import cpu_process, traced_programs

# Two CPU devices, so that every pmapped step is tested as a multi-device one.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Compiling is most of the time, and most of compiling is LLVM's and MLIR's passes over the code of fusions,
# which tests can do without. JAX 0.11's XLA has no older emitters of fusions any more, and ends a process
# that asks for them. Where bits of two programs are compared, or memory is, tests/tiny.py's USERS_FUSIONS
# undo the last flag.
_FLAGS = [
    os.environ.get("XLA_FLAGS", ""),
    "--xla_backend_optimization_level=0",
    cpu_process.ROLLED,  # as commands do, which find what was compiled here
]
if jax.__version_info__ < (0, 11):
    _FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join(_FLAGS)

# The same examples in every run, and as many as take seconds; a busy machine may take longer for them.
hypothesis.settings.register_profile(
    "pgjax",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("pgjax")

# Compiling is most of the time: what one test compiled, another (or a resumed run) finds again.
_CACHE = tempfile.TemporaryDirectory(prefix="pgjax-compiled-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = _CACHE.name
jax.config.update("jax_compilation_cache_dir", _CACHE.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)

ROOT = pathlib.Path(__file__).resolve().parents[1]
_MAPS, _STATM = pathlib.Path("/proc/self/maps"), pathlib.Path("/proc/self/statm")
_LARGE = 2 << 30  # bytes
_resident_at_most = _LARGE


@pytest.fixture(autouse=True)
def _few_programs():
    """Frees compiled programs before they take too many maps, or too much of a small machine's memory.

    Each takes several of a process's memory maps. Linux allows 65,530 (vm.max_map_count); XLA's compiler
    crashes on the first one over it. A row's step takes some 2,500, so they are counted after every test.

    What stays resident all the same is no reason to free again: each time takes a second, and what was freed
    is compiled anew.
    """
    global _resident_at_most
    yield
    if not _MAPS.exists():
        return
    if _resident() > _resident_at_most or _MAPS.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()
        gc.collect()
        _resident_at_most = max(_LARGE, _resident() + _LARGE // 2)


def _resident() -> int:
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_left_behind():
    """Tests write below tmp_path; whatever new lies in the root at the end is a fault of one of them."""
    before = set(os.listdir(ROOT))
    yield
    left = {name for name in set(os.listdir(ROOT)) - before if not name.startswith(".")}
    assert not left, f"tests have left {', '.join(sorted(left))} in {ROOT}"


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch):
    """Evaluations fetch networks of hundreds of megabytes; tests reach this machine alone."""
    fetch = urllib.request.urlopen

    def only_here(url, *args, **options):
        if urllib.parse.urlsplit(url).hostname not in (None, "127.0.0.1"):
            raise OSError("tests download nothing")
        return fetch(url, *args, **options)

    monkeypatch.setattr(urllib.request, "urlopen", only_here)
    monkeypatch.setattr(pip_download, "there", lambda: False)


@pytest.fixture
def pip(monkeypatch):
    """Gives pip back to a test."""
    monkeypatch.setattr(pip_download, "there", lambda: True)


@pytest.fixture
def pip_finds(pip, monkeypatch):
    """Lets pip look into a folder, and nowhere else."""

    def look(folder):
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))

    return look


@pytest.fixture
def kept_programs(tmp_path):
    """The folder in which this test's traced programs are kept, as commands keep them."""
    traced_programs.keep(tmp_path / "cache")
    yield tmp_path / "cache" / traced_programs.FOLDER
    traced_programs.keep(None)


@pytest.fixture(scope="session")
def emulator():
    """The environment in which a server of gs://gcs.BUCKET is found, one for all tests of a process."""
    pytest.importorskip("gcsfs", reason="gs:// paths need the extra pgjax[gcs]")
    with gcs.server() as environment:
        yield environment


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder ../shared: real data, weights and golden arrays."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the real data in {folder}, which is not part of the project")
    return folder


BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def page():
    """A page of a narrow browser, driven by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"needs a browser: {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        # Its sandbox does not work for root, as whom containers run.
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 360, "height": 640})
        browser.close()
