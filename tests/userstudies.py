"""Small studies, and what their participants send."""

import json

import numpy as np

from pgjax.scoring.userstudy import drawing, pools, studies

SIZE = (8, 4)


def pool(title, count, level, size=SIZE):
    """`count` pictures, all of one grey level but for the first pixel, which numbers them."""
    names = [f"{number:03d}" for number in range(count)]

    def read(chosen):
        images = [np.full((*size, 3), level, np.uint8) for _ in chosen]
        for image, name in zip(images, chosen, strict=True):
            image[0, 0] = int(name)
        return pools.Pictures(images, 0)

    return pools.Pool(title, names, read)


def rated(folder, count=6, practice=4, seed=1, seconds=1.0, **options):
    """A study of `count` real pictures, of level 200, and as many generated ones, of 100."""
    draw = drawing.Draw(seed)
    of = {"real": pool("photos", 20, 200), "generated": pool("drawn", 20, 100)}
    trials = drawing.real_or_generated(of["real"], of["generated"], count, draw)
    kind = studies.REAL_OR_GENERATED
    return studies.write(folder, kind, trials, of, draw, seed, practice, seconds, **options)


def preferred(folder, count=6, practice=2, seed=1, **options):
    """A study of systems z, of level 200, and a, of 100."""
    draw, of = drawing.Draw(seed), {"z": pool("z", 20, 200), "a": pool("a", 20, 100)}
    trials = drawing.preference("z", "a", of["z"].names, count, draw)
    return studies.write(folder, studies.PREFERENCE, trials, of, draw, seed, practice, **options)


def truth(study, trial):
    """What the pictures of a trial are."""
    return [study.key[token].what for token in study.trials[trial]]


def document(study, person=1, count=None, said=None):
    """What the page of a study sends of a person who has given `count` answers (all unless given).

    said: a trial's answer by its number; the truth, or "left", unless given.
    """

    def default(trial):
        (what, *more) = truth(study, trial)
        return "left" if more else what

    trials = study.trials[:count]
    answers = [
        {
            "pictures": trial,
            "answer": (said or default)(number),
            "shown": 1003,
            "taken": 1500 + number,
            "views": 1,
        }
        for number, trial in enumerate(trials)
    ]
    began = 1_700_000_000_000
    return {
        "study": study.plan["digest"],
        "person": f"{person:032x}",
        "began": began,
        "sent": began + 2000 * len(trials),
        "answers": answers,
    }


def sent(study, person=1, count=None, said=None):
    return json.dumps(document(study, person, count, said)).encode()
