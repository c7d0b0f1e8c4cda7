"""What lies in a folder: links, what systems leave behind, photos under any name."""

import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from pgjax.errors import InputError
from pgjax.files import folders


def photo(path, form="JPEG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 16, 3), 90, np.uint8)).save(path, form, **options)
    return path


def copies(path, *names):
    for name in names:
        other = path.parent / name
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(path.read_bytes())


LEFT_BEHIND = (
    *(
        "._a.jpg",
        ".DS_Store",
        ".hidden.jpg",
        "__MACOSX/a.jpg",
        "b/__MACOSX/._a.jpg",
        "__macosx/a.jpg",
    ),
    *(".ipynb_checkpoints/a-checkpoint.jpg", "b/.ipynb_checkpoints/a.jpg", ".git/annex/a.jpg"),
    *("Thumbs.db", "thumbs.db", "desktop.ini", "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg"),
    *("$RECYCLE.BIN/a.jpg", "System Volume Information/a.jpg", "#recycle/a.jpg", "~$a.jpg"),
)


def test_what_systems_leave_behind_is_nothing(tmp_path):
    copies(photo(tmp_path / "a.jpg"), "b/1.jpg", *LEFT_BEHIND)
    for listing in (folders.files(tmp_path), folders.photos(tmp_path)):
        assert list(listing.found) == ["a.jpg", "b/1.jpg"]
        assert folders.lines(listing) == []
    assert [name for name in LEFT_BEHIND if not folders.is_hidden(name)] == []
    assert not folders.is_hidden("b/1.jpg")


@pytest.mark.parametrize("root", [".data", ".cache/deep/photos", "__MACOSX", "@eaDir/a"])
def test_the_folder_itself_may_be_called_anything(tmp_path, root):
    photo(tmp_path / root / "a.jpg")
    assert list(folders.photos(tmp_path / root).found) == ["a.jpg"]


def test_not_below(tmp_path):
    copies(photo(tmp_path / "a.jpg"), "b/1.jpg")
    assert list(folders.photos(tmp_path, below=False).found) == ["a.jpg"]


def test_linked_folders_and_files_are_followed(tmp_path):
    outside = tmp_path / "outside"
    copies(photo(outside / "anna" / "1.jpg"), "2.jpg", "deep/.hidden/3.jpg")
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "anna").symlink_to(outside / "anna")
    (raw / "one.jpg").symlink_to(outside / "anna" / "1.jpg")
    (raw / "hidden").symlink_to(outside / "anna" / "deep" / ".hidden")
    assert list(folders.photos(raw).found) == [
        "anna/1.jpg",
        "anna/2.jpg",
        "hidden/3.jpg",
        "one.jpg",
    ]
    linked = tmp_path / "linked"
    linked.symlink_to(raw)
    assert list(folders.photos(linked).found) == list(folders.photos(raw).found)


def test_loops_of_links_end(tmp_path):
    photo(tmp_path / "a" / "1.jpg")
    photo(tmp_path / "b" / "2.jpg")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "here").symlink_to(".")
    (tmp_path / "a" / "far_up").symlink_to("../..")
    (tmp_path / "self").symlink_to("self")
    listing = folders.photos(tmp_path)
    assert list(listing.found) == ["a/1.jpg", "b/2.jpg"]
    assert folders.lines(listing) == ["1 left out (self): a link that leads nowhere"]
    (tmp_path / "a" / "to_b").symlink_to("../b")
    (tmp_path / "b" / "to_a").symlink_to("../a")
    # Each has every name that passes through no folder twice.
    names = ["a/1.jpg", "a/to_b/2.jpg", "b/2.jpg", "b/to_a/1.jpg"]
    assert list(folders.photos(tmp_path).found) == names


def test_a_link_to_everything_leads_nowhere_new(tmp_path):
    photo(tmp_path / "a" / "1.jpg")
    (tmp_path / "a" / "all").symlink_to("/")
    assert list(folders.photos(tmp_path).found) == ["a/1.jpg"]


def test_many_folders_that_link_to_each_other(tmp_path):
    """As many names as links and folders, not as ways through them: of these there are millions."""
    names = "abcdefghij"
    for name in names:
        photo(tmp_path / name / "1.jpg")
        for other in names.replace(name, ""):
            (tmp_path / name / other).symlink_to(f"../{other}")
    found = folders.photos(tmp_path).found
    assert {f"{name}/1.jpg" for name in names} <= found.keys()
    assert len(found) <= len(names) ** 3
    assert found == folders.photos(tmp_path).found


def test_a_linked_folder_has_both_names(tmp_path):
    photo(tmp_path / "train" / "anna" / "1.jpg")
    (tmp_path / "val").symlink_to("train")
    (tmp_path / "test").symlink_to("val")
    (tmp_path / "train" / "again").symlink_to("anna")
    assert list(folders.photos(tmp_path).found) == [
        *("test/again/1.jpg", "test/anna/1.jpg", "train/again/1.jpg", "train/anna/1.jpg"),
        *("val/again/1.jpg", "val/anna/1.jpg"),
    ]


def test_a_line_stays_one_whatever_names_hold():
    assert folders.few(["a\nb", "\udcff", "é", "d"]) == r"'a\nb', '\udcff', é, ..."


def test_broken_links_are_told(tmp_path):
    photo(tmp_path / "a.jpg")
    for name in ("b.jpg", "c.jpg", "d.jpg", "e"):
        (tmp_path / name).symlink_to("nowhere")
    listing = folders.photos(tmp_path)
    assert list(listing.found) == ["a.jpg"] and len(listing.passed) == 4
    assert folders.lines(listing) == [
        "4 left out (b.jpg, c.jpg, d.jpg, ...): a link that leads nowhere"
    ]


def test_photos_are_told_by_content(tmp_path):
    jpeg = photo(tmp_path / "a.jpg")
    taken = ["A.JPG", "IMG.HEIC", "b.jfif", "b.jpe", "c.jpg.jpg", "none", "photo.txt", "1.mpo"]
    copies(jpeg, *taken)
    photo(tmp_path / "x.avif", "AVIF")
    photo(tmp_path / "y.AVIF", "AVIF", save_all=True, append_images=[Image.new("RGB", (16, 32))])
    photo(tmp_path / "z.webp", "WEBP")
    (tmp_path / "notes.md").write_text("no photo")
    (tmp_path / "empty").touch()
    listing = folders.photos(tmp_path)
    assert list(listing.found) == sorted(["a.jpg", *taken, "x.avif", "y.AVIF", "z.webp"])
    assert not listing.unreadable and not listing.passed


def test_what_looks_like_a_photo_and_is_not_taken_is_told(tmp_path, capsys):
    (tmp_path / "b.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    (tmp_path / "a.heic").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    (tmp_path / "c.jpg").touch()
    (tmp_path / "v.mp4").write_bytes(b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00mp41")
    listing = folders.photos(tmp_path)
    assert list(listing.found) == ["c.jpg"]  # reading it says what is wrong
    assert list(listing.unreadable) == ["a.heic", "b.HEIC"]
    assert list(listing.passed) == ["v.mp4"]
    folders.tell(tmp_path, listing)
    heic, video = capsys.readouterr().err.splitlines()
    assert heic.startswith(
        f"{tmp_path}: 2 left out (a.heic, b.HEIC): HEIC; convert it to JPEG, by "
    )
    assert "heif-convert FILE FILE.jpg" in heic
    assert "1 left out (v.mp4): video; take frames out of it" in video
    (tmp_path / "c.jpg").unlink()
    listing = folders.photos(tmp_path)
    with pytest.raises(InputError, match=r"no photo that can be read in it; 2 left out .*HEIC"):
        folders.some(tmp_path, listing)


def test_photos_that_are_there_converted_are_not_missing(tmp_path):
    """RAW and JPEG of one camera, and what commands that convert leave."""
    for name in ("a.NEF", "b.heic", "c.heic", "sub/a.heic", "d.NEF"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    copies(photo(tmp_path / "a.JPG"), "b.heic.jpg", "c.png", "other.jpg")
    listing = folders.photos(tmp_path)
    assert list(listing.unreadable) == ["d.NEF", "sub/a.heic"]
    assert list(listing.passed) == ["a.NEF", "b.heic", "c.heic"]
    assert (
        "3 left out (a.NEF, b.heic, c.heic): of a kind that cannot be read, but a converted photo"
        in " ".join(folders.lines(listing))
    )


def test_no_folder_and_a_closed_one(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        folders.files(tmp_path / "nowhere")
    scandir = os.scandir

    def closed(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(PermissionError, match="closed"):
        folders.photos(tmp_path)


def test_a_file_that_cannot_be_opened_is_told(tmp_path, monkeypatch):
    photo(tmp_path / "a.jpg")
    (tmp_path / "b.txt").touch()

    def closed(path, *args, **options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(folders, "open", closed, raising=False)
    listing = folders.photos(tmp_path)
    assert list(listing.unreadable) == ["a.jpg"] and list(listing.passed) == ["b.txt"]


def test_members_of_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.mkdir("img")
        for name in ("img/1.jpg", *(f"img/{name}" for name in LEFT_BEHIND)):
            archive.writestr(name, b"")
        assert folders.members(archive) == ["img/1.jpg"]
