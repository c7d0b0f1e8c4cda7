"""Which joints a pose detector would have found: hidden, cut off or overlooked ones are missing.

The rates are set so that they come out near those of the published Market-1501 training annotation
(12,936 images): nothing found in 3 % of the images; of the others shoulders missing in 1 %, hips 2 %,
knees 8 %, ankles 21 %, elbows 22 %, wrists 41 %, nose 39 %, eyes 50 %, ears 45 %.
"""

import numpy as np

from pgjax.pose.skeleton import INDEX

FAILED = 0.032
# Kind of joint: how often missing in sight, behind the person's own body, behind something else.
MISSED = {
    "nose": (0.05, 0.93, 1.0),
    "neck": (0.0, 0.0, 0.1),
    "shoulder": (0.003, 0.006, 0.2),
    "elbow": (0.06, 0.65, 0.9),
    "wrist": (0.17, 0.88, 1.0),
    "hip": (0.008, 0.01, 0.2),
    "knee": (0.03, 0.15, 0.7),
    "ankle": (0.05, 0.25, 0.9),
    "eye": (0.1, 0.96, 1.0),
    "ear": (0.06, 0.92, 1.0),
}
# Joints that are lost together, and how often.
LOST = {
    ("nose", "right_eye", "left_eye"): 0.06,
    ("right_elbow", "right_wrist"): 0.07,
    ("left_elbow", "left_wrist"): 0.07,
    ("right_ankle", "left_ankle"): 0.06,
}
# How far in front of a joint something must lie to hide it, in body heights: joints are inside limbs.
ROOM = {"nose": 0.012, "eye": 0.012, "ear": 0.014}
ROOM_ELSEWHERE = 0.05


def detect(chance, canvas, joints, scale, foreign):
    """Which joints are found.

    Args:
      chance: draws.
      canvas: the finished Canvas.
      joints: (18, 3) in the scene.
      scale: image height of a body height.
      foreign: part number of what is not the person.

    Returns:
      bool (18,).
    """
    depth, part = canvas.at(joints)
    height, width = canvas.size
    inside = (np.abs(joints[:, 0]) < width / height / 2) & (joints[:, 1] > 0) & (joints[:, 1] < 1)
    failed = chance.happens(FAILED)
    lost = {name for names, rate in LOST.items() if chance.happens(rate) for name in names}
    found = inside.copy()
    for name, index in INDEX.items():
        kind = name.rpartition("_")[2]
        hidden = depth[index] > joints[index, 2] + ROOM.get(kind, ROOM_ELSEWHERE) * scale
        case = 2 if part[index] == foreign else int(hidden)
        if chance.happens(MISSED[kind][case]) or name in lost:
            found[index] = False
    return found & (not failed)
