"""Who computes what: ranks over k-point blocks × energies.

Blocks are fixed by the problem, never by the number of ranks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The share of one rank.

    `groups` groups of ranks share the blocks (block b belongs to group b mod groups); inside a group, ranks share the
    energy axis. More ranks than blocks thus still work, with the eigenproblem of a block solved once in each rank of
    its group. With no more ranks than blocks every rank is a group, and `LoadBalancer` shares the blocks out by speed.
    """

    size: int
    rank: int
    blocks: int
    energies: int

    @property
    def groups(self) -> int:
        """Number of groups of ranks."""
        return max(1, min(self.size, self.blocks))

    @property
    def group(self) -> int:
        """Group of this rank."""
        return self.rank % self.groups

    @property
    def members(self) -> int:
        """Number of ranks in this rank's group."""
        return len(range(self.group, self.size, self.groups))

    @property
    def member(self) -> int:
        """Number of this rank in its group; member 0 does what does not depend on the energy axis."""
        return self.rank // self.groups

    def my_blocks(self) -> range:
        """Numbers of this rank's blocks."""
        return range(self.group, self.blocks, self.groups)

    def my_energies(self) -> slice:
        """This rank's part of the energy axis; empty for members beyond the number of energies."""
        shares = min(self.members, max(self.energies, 1))
        if self.member >= shares:
            return slice(self.energies, self.energies)
        return slice(self.energies * self.member // shares, self.energies * (self.member + 1) // shares)

    def describe(self) -> str:
        """One line for the log and the result file."""
        return (
            f"{self.size} ranks = {self.groups} groups over {self.blocks} k-blocks, "
            f"up to {-(-self.size // self.groups)} ranks per group over {self.energies} energies"
        )
