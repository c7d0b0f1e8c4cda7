"""The arguments that commands share which read files of keypoints."""

import argparse

from pgjax import keypoints


def add_format(
    parser: argparse._ActionsContainer, flag: str = "--format", of: str = "the keypoints"
) -> None:
    """Adds a flag that names the format of the keypoints `of` something."""
    parser.add_argument(
        flag,
        metavar="FORMAT",
        choices=keypoints.FORMATS,
        help=f"format of {of} (default: found from the content)",
    )


def add_threshold(parser: argparse._ActionsContainer) -> None:
    """Adds --threshold, in the unit of the file."""
    parser.add_argument(
        "--threshold",
        type=float,
        help="a joint with a larger confidence is visible; in the unit of the file (default: 0.1, or 10 if "
        "confidences are percent)",
    )
