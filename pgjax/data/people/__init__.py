"""Synthetic people: articulated, dressed persons rendered from a seed with numpy and PIL only."""

from pgjax.data.people.appearance import Person, person
from pgjax.data.people.photos import SIZES, facing, photo

__all__ = ["SIZES", "Person", "facing", "person", "photo"]
