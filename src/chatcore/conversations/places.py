"""Defines places in the log of a reply, by which its readers say what they have.

A reply may be made by several generations one after another, each of which begins at a cut in the log of the earlier
ones. What a reader was shown beyond a later cut is not part of the reply, even if the reply has grown past the cut
meanwhile.
"""

from collections.abc import Sequence

from attrs import frozen


@frozen
class Place:
    """Says up to where a reader has a reply, and which generation of the reply it was shown last."""

    #: In code points of the log.
    position: int
    #: The number of the generation, from 1.
    generation: int = 1

    @property
    def id(self) -> str:
        """Returns the id of the event that ends at this place in the reply's stream."""
        return f"{self.position}" if self.generation == 1 else f"{self.position}-{self.generation}"

    def within(self, cuts: Sequence[int]) -> "Place":
        """Returns the place in the last generation of a reply up to which a reader keeps what it has.

        Args:
            cuts: where each generation of the reply after the first began.
        """
        return Place(min([self.position, *cuts[self.generation - 1 :]]), len(cuts) + 1)


#: The beginning of a reply, for a reader that was shown nothing.
START = Place(0)
