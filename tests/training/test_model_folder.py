"""Exported models: what is read is what was written, or an error."""

import json
import shutil
import subprocess

import jax
import numpy as np
import pytest
import safetensors.numpy

import tiny
from pgjax.errors import InputError
from pgjax.training import model_folder

WRITTEN = [*model_folder.FILES, model_folder.COPY, model_folder.SUMS]


@pytest.fixture(scope="module")
def model():
    return tiny.model(tiny.generator_config())


@pytest.fixture
def folder(tmp_path, model):
    model_folder.write(tmp_path / "export", model, "the card\n")
    return tmp_path / "export"


def test_round_trip(folder, model):
    found = model_folder.read(folder)
    assert jax.tree.all(jax.tree.map(np.array_equal, found.variables["g"], model.variables["g"]))
    assert found._replace(variables=None) == model._replace(variables=None)
    assert found.recipe == model.recipe


def test_the_sums_are_what_the_systems_own_tool_reads(folder):
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder)
    assert done.returncode == 0
    assert sorted(p.name for p in folder.iterdir()) == sorted(WRITTEN)


def test_no_pickle_and_the_same_bytes_every_time(folder, model, tmp_path):
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        assert all(file[name].dtype == np.float32 for name in file.files)
    model_folder.write(tmp_path / "again", model, "the card\n")
    assert (tmp_path / "again/SHA256SUMS").read_bytes() == (folder / "SHA256SUMS").read_bytes()


def test_the_copy_for_other_programs_holds_the_same_entries(model, tmp_path):
    kernel = np.arange(6, dtype=np.float32).reshape(2, 3)
    # Views whose memory is in another order, as those that importing weights makes.
    arrays = {
        "turned": kernel.T,
        "back": kernel[::-1],
        "every": kernel[:, ::2],
        "one": kernel[0, 0],
    }
    model_folder.write(tmp_path / "export", model._replace(variables={"g": arrays}), "card")
    found = safetensors.numpy.load_file(tmp_path / "export/weights.safetensors")
    for name, array in arrays.items():
        copy = found[f"g/{name}"]
        assert copy.shape == array.shape
        for place in np.ndindex(array.shape):
            assert copy[place] == array[place]


def test_a_folder_without_the_copy_is_whole_and_one_with_a_damaged_copy_is_not(folder):
    copy, sums = folder / model_folder.COPY, folder / model_folder.SUMS
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match="safetensors: damaged"):
        model_folder.read(folder)
    copy.unlink()
    model_folder.read(folder)
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if model_folder.COPY not in line))
    model_folder.read(folder)  # as versions wrote that had no copy


@pytest.mark.parametrize("name", [*model_folder.FILES, model_folder.SUMS])
def test_a_flipped_bit_anywhere_is_an_error(folder, name):
    path = folder / name
    whole = path.read_bytes()
    places = range(len(whole))
    if len(whole) > 300:
        places = np.random.default_rng(0).choice(len(whole), 50, replace=False)
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (int(place) % 8)
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged"):
            model_folder.read(folder)


@pytest.mark.parametrize("name", [*model_folder.FILES, model_folder.SUMS])
def test_a_missing_or_cut_file_is_named(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="damaged"):
        model_folder.read(folder)
    path.unlink()
    with pytest.raises((InputError, FileNotFoundError), match=r"is missing|no model here"):
        model_folder.read(folder)


def test_other_folders_are_told_from_models(tmp_path, folder, model):
    with pytest.raises(FileNotFoundError, match=r"no model here.*there is one in"):
        model_folder.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="no model here"):
        model_folder.read(tmp_path / "nowhere")
    (folder / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="not an exported model, and not overwritten"):
        model_folder.write(folder, model, "")


def test_what_systems_leave_in_it_is_nothing(folder, model):
    (folder / ".DS_Store").touch()
    (folder / "desktop.ini").touch()
    assert model_folder.read(folder).step == model.step
    model_folder.write(folder, model._replace(step=9), "another card")
    assert model_folder.read(folder).step == 9


def test_another_format_is_refused_by_number(folder):
    values = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(values | {"format": 2}))
    sums = "".join(f"{model_folder.digest(folder / n)}  {n}\n" for n in WRITTEN[:-1])
    (folder / "SHA256SUMS").write_text(sums)
    with pytest.raises(InputError, match="format 2; this version reads 1"):
        model_folder.read(folder)


def test_a_killed_export_leaves_nothing_that_the_next_one_minds(folder, model):
    shutil.copytree(folder, folder.with_name(".export.partial"))
    shutil.copytree(folder, folder.with_name(".export.old"))
    model_folder.write(folder, model._replace(step=9), "another card")
    assert model_folder.read(folder).step == 9
    assert [p.name for p in folder.parent.iterdir()] == ["export"]


def test_the_current_folder_is_filled(tmp_path, monkeypatch, model):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for step in (3, 4):
        model_folder.write(".", model._replace(step=step), "the card\n")
        assert model_folder.read(".").step == step
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(["here", *WRITTEN])


def test_a_link_stays_one(folder, model):
    link = folder.with_name("link")
    link.symlink_to("export")
    model_folder.write(link, model._replace(step=9), "another card")
    assert link.is_symlink()
    assert model_folder.read(folder).step == 9
