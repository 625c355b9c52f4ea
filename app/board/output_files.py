"""Where a file may be put that was named by somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_replaceable(path: Path) -> bool:
    """Whether a whole file may take a path's place: nothing is there, or a file of its own.

    A device such as /dev/null, a pipe or a link is written to as it stands: in its place a file would be in everybody's way.
    """
    return not path.is_symlink() and (path.is_file() or path.is_dir() or not path.exists())
