"""A person in another pose, by an exported model.

    transfer = PoseTransfer.load("runs/demo/export")
    image = transfer("photo.jpg", "photo_keypoints.json", "pose.json")          # uint8 (H, W, 3)
    images = transfer("photo.jpg", "photo_keypoints.json", [pose1, pose2, ...])  # a list of them
    images = transfer("photo.jpg", "photo_keypoints.json", "poses/")  # likewise
    image = transfer("photo.jpg", view="back")  # by a model that is told a view, and no pose

Needs no data set and no tensorflow-datasets; with a model's ONNX file (docs/onnx.md) no JAX either.
"""

import importlib.util
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pgjax.errors import InputError, NonFiniteLossError
from pgjax.images.photo import MODES, Placement, fit, read_photo
from pgjax.keypoints import Pose, in_photo, in_pixels, inside, limbs, moved, within
from pgjax.pose import skeleton
from pgjax.serving import hub
from pgjax.serving.given_poses import expanded, is_many, named
from pgjax.serving.portable import interface
from pgjax.serving.portable.session import Session

if TYPE_CHECKING:
    from pgjax.training.model_folder import Model


class _Asked(NamedTuple):
    """One image to make: its photo, where that lies in the model's picture, and what the model is given."""

    photo: np.ndarray
    placement: Placement
    given: tuple[np.ndarray, ...]


class PoseTransfer:
    """Draws the person of a photo in other poses.

    Photos and poses go through the model `batch_size` at a time, fewer in the next power of two: for
    each of these sizes it is compiled once, when it is first needed. An ONNX file is not compiled.

    Attributes:
      model: as it was exported, or its ONNX file. row: its row. step: of its training. size: (height,
        width) of its pictures, pixels. reads_view: whether it is told a view of the target, and no pose.
    """

    def __init__(self, model: "Model | Session", batch_size: int = 8):
        """Raises InputError: the model is of another version, or the batch size not positive."""
        if batch_size < 1:
            raise InputError(f"batch_size: expected a positive number, got {batch_size}")
        self.model, self._most = model, batch_size
        self._draw: Any = model if isinstance(model, Session) else _drawing(model)
        self.row, self.step, self.size = self._draw.row, self._draw.step, self._draw.size
        self.reads_view = self._draw.reads_view

    @classmethod
    def load(cls, model: str | os.PathLike, batch_size: int = 8) -> "PoseTransfer":
        """Loads an exported model.

        Args:
          model: its folder, also gs://BUCKET/FOLDER; its ONNX file (NAME.onnx); or hub:OWNER/NAME, on the
            model hub, with @REVISION if it is not to be the newest (serving.hub).
          batch_size: as PoseTransfer's.

        Raises:
          FileNotFoundError, InputError: as model_folder.read, Session and hub.fetch; or JAX is not there.
        """
        if hub.is_name(model):
            model = hub.fetch(model)
        if not needs_jax(model):
            return cls(Session(model), batch_size)
        from pgjax.training import model_folder  # flax's and JAX's, which take their time

        return cls(model_folder.read(model), batch_size)

    def __call__(self, photo, source_pose=None, target_pose=None, **options) -> Any:
        """All of `each` at once: uint8 (H, W, 3), or a list of them where a list or sequence was given."""
        if target_pose is not None:
            target_pose = expanded(target_pose, options.get("target_person"))
        made = list(self.each(photo, source_pose, target_pose, **options))
        given = (photo, source_pose, target_pose, options.get("background"), options.get("view"))
        several = any(map(is_many, given))
        return made if several else made[0]

    def each(
        self,
        photo,
        source_pose=None,
        target_pose=None,
        *,
        view: str | Sequence[str] | None = None,
        background=None,
        refit: bool = False,
        mode: str = "letterbox",
        source_person: int | str | None = None,
        target_person: int | str | None = None,
    ) -> Iterator[np.ndarray]:
        """Draws image after image, each of its own photo's size, uint8 (H, W, 3).

        Of every argument a list may be given, all lists of one length; what is none is for all images.
        Of joints that lie outside the model's picture nothing is known, as in training.

        Args:
          photo: as photo.read_photo takes it: a path, bytes, a PIL image or an array, of any size.
          source_pose: a Pose, the path of a file that holds one, or an array (keypoints.one_pose), in
            pixels of the photo, or of a copy of another size, if it knows that one's.
          target_pose: likewise, in pixels of the photo that it was taken from, if it knows that one's
            size, and else of the source's. A sequence is a list too: a folder or a file of several
            photos' poses, what keypoints.read makes of one, an array (N, 18, 2 or 3), an iterator. A model
            that is told a view takes that of the pose's shoulders (views.by_shoulders).
          view: one of skeleton.VIEWS instead of both poses, for a model that is told a view.
          background: what is behind the target person, a photo that is laid like the source photo; for
            models that are told (the others ignore it). Unless given, the source photo with the
            person erased.
          refit: give the target poses the source person's limb lengths (limbs.refit); a list of them
            for one photo and one source pose is one person's.
          mode: how photos are laid into the model's picture (photo.fit).
          source_person: which of several people a file shows: a number from 0 on, or "prominent"
            (keypoints.choose).
          target_person: likewise. Of a sequence "followed" is the most prominent person of its first
            photo, in all of them. Where a person of the target is chosen, photos that do not show the
            person are left out; a warning names them.

        Raises:
          FileNotFoundError, InputError: a photo or a pose cannot be read, poses are missing or a view is
            given for a model that is told none, an unknown view, a view beside a pose, a person or refit,
            several people of whom none is chosen, no such person, a pose has no visible joint in the
            picture, a source pose is of a photo of another shape, lists of different lengths, an unknown
            mode.
          NonFiniteLossError: a generated image is not finite.
        """
        if mode not in MODES:
            raise InputError(f"mode {mode!r}: expected one of {', '.join(MODES)}")
        if view is None:
            if self.reads_view and (source_pose is None or target_pose is None):
                raise InputError("view: missing; expected one, or source_pose and target_pose")
            given = (photo, source_pose, expanded(target_pose, target_person), background)
            asked = self._asked(given, (source_person, target_person), refit, mode)
        else:
            self._check_view(
                view,
                source_pose=source_pose,
                target_pose=target_pose,
                refit=refit or None,
                source_person=source_person,
                target_person=target_person,
            )
            asked = self._seen_from((photo, view, background), mode)
        size = None
        while batch := list(itertools.islice(asked, self._most)):
            # A longer list's last batch is filled up, so that nothing compiles twice.
            size = size or min(self._most, 1 << (len(batch) - 1).bit_length())
            yield from self._made(batch, size)

    def _made(self, asked: list[_Asked], size: int) -> Iterator[np.ndarray]:
        filled = asked + asked[:1] * (size - len(asked))
        batch = [np.stack(arrays) for arrays in zip(*(one.given for one in filled), strict=True)]
        images, finite = self._draw(*batch)
        if not finite:
            raise NonFiniteLossError(
                f"the model {self.row} of step {self.step} draws what is not finite"
            )
        for one, image in zip(asked, np.asarray(images), strict=False):
            yield one.placement.back(image, around=one.photo)

    def _check_view(self, view, **of_poses) -> None:
        if not self.reads_view:
            raise InputError(
                f"view: the model {self.row} is told a pose, and no view; give source_pose "
                "and target_pose"
            )
        for name, given in of_poses.items():
            if given is not None:
                raise InputError(f"view: goes without {name}")
        for one in view if is_many(view) else [view]:
            if one not in skeleton.VIEWS:
                raise InputError(f"view {one!r}: expected one of {', '.join(skeleton.VIEWS)}")

    def _seen_from(self, given: tuple, mode: str) -> Iterator[_Asked]:
        """Of a photo, a view and a background, without any joint."""
        count = _length(given)
        photos, view, backgrounds = given
        joints = np.zeros((18, 2), np.float32), np.zeros(18, bool)
        columns = (
            *self._photos(photos, backgrounds, count, mode),
            _for_each(view, count, skeleton.view_number),
        )
        for placed, background, number in zip(*columns, strict=False):
            yield _given(placed, background, *joints, *joints, number)

    def _photos(self, photos, backgrounds, count: int, mode: str) -> tuple[Iterator, Iterator]:
        def placed(photo):
            return None if photo is None else self._placed(photo, mode)

        return _for_each(photos, count, placed), _for_each(backgrounds, count, placed)

    def _asked(self, given: tuple, persons: tuple, refit: bool, mode: str) -> Iterator[_Asked]:
        count = _length(given)
        photos, sources, targets, backgrounds = given
        columns = (
            *self._photos(photos, backgrounds, count, mode),
            named("source_pose", sources, count, persons[0]),
            named("target_pose", targets, count, persons[1]),
        )
        rows = zip(*columns, strict=False)
        if not is_many(photos) and not is_many(sources):
            # One person's poses are refitted together, and a fault is told before anything is drawn.
            rows = list(rows)
            groups = [rows] if rows else []
        else:
            groups = ([row] for row in rows)
        for group in groups:
            yield from self._posed(group, refit, mode)

    def _posed(self, rows: list[tuple], refit: bool, mode: str) -> Iterator[_Asked]:
        """Of rows (photo, background, source pose, target pose), those of several being of one person."""
        sizes = [placed.photo.shape[:2] for placed, *_ in rows]
        placed, _, (name, pose), _ = rows[0]
        source = self._moved(in_photo(pose, sizes[0], f"the photo of {name}"), sizes[0], mode)
        targets = [
            self._moved(pose, size, mode) for size, (*_, (_, pose)) in zip(sizes, rows, strict=True)
        ]
        if refit:
            targets = limbs.refit(source, targets)
        source = _shown(source, name)
        targets = [_shown(pose, name) for pose, (*_, (name, _)) in zip(targets, rows, strict=True)]
        for (placed, background, *_), target in zip(rows, targets, strict=True):
            joints = (source.keypoints, source.visible, target.keypoints, target.visible)
            yield _given(placed, background, *joints, skeleton.UNKNOWN_VIEW)

    def _placed(self, photo, mode: str) -> _Asked:
        photo = read_photo(photo)
        placement = fit(photo.shape[:2], self.size, mode)
        return _Asked(photo, placement, (placement.image(photo),))

    def _moved(self, pose: Pose, size: tuple[int, int], mode: str) -> Pose:
        """In the model's picture, from a photo of the pose's own size, else of `size`."""
        pose = in_pixels(pose, size)
        pose = within(pose if pose.size else pose._replace(size=size))
        placement = fit(pose.size or size, self.size, mode)
        return moved(pose, placement.points, placement.into)


def needs_jax(model: str | os.PathLike) -> bool:
    """Whether a model of that name is drawn with by JAX: all are but ONNX files.

    Raises:
      InputError: it is, and JAX is not installed.
    """
    if os.fspath(model).endswith(interface.SUFFIX) and not hub.is_name(model):
        return False
    if importlib.util.find_spec("jax") is None:
        raise InputError(
            f"{model}: needs JAX (pip install pgjax); the ONNX file of a model does not"
        )
    return True


def _drawing(model: "Model") -> Any:
    from pgjax.serving.drawing import Drawing

    return Drawing(model)


def _length(given: tuple) -> int:
    """Of all lists among what is given; 1 without any."""
    lengths = {len(items) for items in given if is_many(items)}
    if len(lengths) > 1 or 0 in lengths:
        raise InputError(
            f"lists of {' and '.join(map(str, sorted(lengths)))} photos, poses, views or backgrounds; "
            "expected one length, not 0"
        )
    return lengths.pop() if lengths else 1


def _given(placed: _Asked, background: _Asked | None, *joints_and_view) -> _Asked:
    """With all that the model is given; the source photo stands in for a background that is not told."""
    *joints, view = joints_and_view
    told = background is not None
    (behind,) = (background if told else placed).given
    return placed._replace(
        given=(*placed.given, behind, np.asarray(told), *joints, np.asarray(view, np.int8))
    )


def _for_each(given: Any, count: int, prepare: Callable[[Any], Any]) -> Iterator[Any]:
    """Every item prepared when its turn comes; one for all is prepared once."""
    return map(prepare, given) if is_many(given) else itertools.repeat(prepare(given), count)


def _shown(pose: Pose, name: str) -> Pose:
    """Without joints outside the picture: what a model is trained on has none."""
    pose = inside(pose)
    if not pose.visible.any():
        raise InputError(f"{name}: all of its joints lie outside the picture")
    return pose
