"""Which person of a photo is chosen: a number, the most prominent one, or one who is followed.

Estimators also report people where there are none, with a few joints on a tree or a bag. Such detections have
fewer than FEWEST joints, or less than FAINT of the confidence of the fullest person. They are removed before
people are counted. If there are no other detections, they count as people.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints.following import follow
from pgjax.keypoints.pose import Pose

PROMINENT, FOLLOWED = "prominent", "followed"
FEWEST = 4  # joints of a person, as in the published annotations (docs/reference_facts.md, 5.1)
FAINT = 0.25
RIVAL = 0.5
NAMED = 3  # photos that a note names


class Choice(NamedTuple):
    """poses: by photo, of those that show the person. absent: the other photos. notes: what was left out."""

    poses: dict[str, Pose]
    absent: list[str]
    notes: list[str]


def by_prominence(people: Sequence[Pose]) -> list[Pose]:
    """The people, the most prominent first.

    First come those who have at least RIVAL of the confidence of the fullest person; of them, who takes
    most room. Room alone would prefer a few joints that lie far apart. Confidence alone would prefer
    somebody small in the background of whom one joint more is seen.
    """
    return [people[place] for place in places_by_prominence(people)]


def places_by_prominence(people: Sequence[Pose]) -> list[int]:
    """The places in the list of `by_prominence`'s people."""
    fullest = _fullest(people)

    def rank(place: int) -> tuple[bool, bool, float, float]:
        pose = people[place]
        rival = _full(pose) >= RIVAL * fullest
        room = _room(pose) if rival else 0.0
        return bool(pose.visible.sum() >= FEWEST), rival, room, _full(pose)

    return sorted(range(len(people)), key=rank, reverse=True)


def choose(
    poses: Mapping[str, Sequence[Pose]],
    person: int | str | None,
    where: str,
    option: str = "person",
    offered: Sequence[str] = (PROMINENT,),
) -> Choice:
    """The pose of one person in each photo.

    Args:
      poses: the people by photo; of a sequence, in its order.
      person: None where each photo shows one person; a number from 0 on, in the order of the file; or one
        of `offered`. PROMINENT is by_prominence's first. FOLLOWED is that one in the first photo, and the
        same person in the photos after it (following.follow).
      where: what errors call the poses.
      option: what errors call the choice.

    Raises:
      InputError: nobody in any photo, several people where none is chosen, or no such person.
    """
    check_person(person, option, offered)
    people, ghosts = _without_ghosts(poses)
    if not any(people.values()):
        (name,) = poses if len(poses) == 1 else ("",)
        raise InputError(f"{_place(where, name)}: nobody in it has a visible joint")
    empty = [photo for photo, found in people.items() if not found]
    people = {photo: found for photo, found in people.items() if found}
    if person == FOLLOWED:
        places = follow(list(people.values()), lambda found: places_by_prominence(found)[0])
    else:
        places = [
            _number(found, person, _place(where, photo), option, offered)
            for photo, found in people.items()
        ]
    pairs = zip(people.items(), places, strict=True)
    chosen = {photo: found[place] for (photo, found), place in pairs if place is not None}
    lost = [photo for photo in people if photo not in chosen]
    count = sum(ghosts.values())
    notes = []
    if ghosts:
        several = f", {_listed(ghosts, len(poses), '')}" if len(poses) > 1 else ""
        notes.append(f"{count} detection{'s' * (count > 1)} of a few joints left out{several}")
    told = {"nobody": empty, "the person who is followed is not": lost}
    notes += [f"{what} {_listed(names, len(poses))}" for what, names in told.items() if names]
    return Choice(chosen, [photo for photo in poses if photo not in chosen], notes)


def check_person(
    person: int | str | None, option: str = "person", offered: Sequence[str] = (PROMINENT,)
) -> None:
    """Raises InputError: it is none of the choices of `choose`."""
    if person not in (None, *offered) and (
        not isinstance(person, int) or isinstance(person, bool) or person < 0
    ):
        raise InputError(f"{option} {person!r}: expected {_expected(offered)}")


def parse_person(text: str) -> int | str:
    """A choice that was typed: a number, or a word as it is."""
    return int(text) if text.isdecimal() else text


def _number(
    people: Sequence[Pose],
    person: int | str | None,
    where: str,
    option: str,
    offered: Sequence[str],
) -> int:
    if isinstance(person, str):  # PROMINENT, by check_person
        return places_by_prominence(people)[0]
    if person is None and len(people) > 1:
        expected = _expected(offered, len(people) - 1)
        raise InputError(f"{where}: {len(people)} people; choose one by {option} {expected}")
    if (person or 0) >= len(people):
        raise InputError(f"{option}: {person}, but {where} has {len(people)}, counted from 0")
    return person or 0


def _expected(offered: Sequence[str], last: int | None = None) -> str:
    *most, final = ("a number from 0 on" if last is None else f"0 to {last}", *offered)
    return f"{', '.join(most)} or {final}"


def _place(where: str, photo: str) -> str:
    return f"{where}{photo and f', {photo}'}"


def _listed(photos: Collection[str], total: int, fate: str = ", left out") -> str:
    named = ", ".join(list(photos)[:NAMED])
    return f"in {len(photos)} of {total}{fate}: {named}" + ", ..." * (len(photos) > NAMED)


def _without_ghosts(
    poses: Mapping[str, Sequence[Pose]],
) -> tuple[dict[str, list[Pose]], dict[str, int]]:
    """The people of each photo, and how many ghosts were left out, of photos that have any."""
    least = FAINT * _fullest([pose for people in poses.values() for pose in people])
    people = {
        photo: [p for p in found if p.visible.sum() >= FEWEST and _full(p) >= least]
        for photo, found in poses.items()
    }
    if not any(people.values()):
        return {photo: list(found) for photo, found in poses.items()}, {}
    ghosts = {photo: len(found) - len(people[photo]) for photo, found in poses.items()}
    return people, {photo: count for photo, count in ghosts.items() if count}


def _full(pose: Pose) -> float:
    return float(pose.confidence.sum())


def _fullest(people: Sequence[Pose]) -> float:
    return max(map(_full, people), default=0.0)


def _room(pose: Pose) -> float:
    """Of the box around the joints, in pixels."""
    points = pose.keypoints[pose.visible]
    return float(np.prod(np.ptp(points, axis=0) + 1)) if len(points) else 0.0
