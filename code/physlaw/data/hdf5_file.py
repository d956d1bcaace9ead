"""Opening HDF5 files, for every reader and writer: without locks, and without following a link into another file.

Locks (flock) fail on many network file systems, and nothing needs them: files are written under a temporary name and
renamed, and never written again.
"""

from __future__ import annotations

from pathlib import Path

import h5py

MAX_LINKS = 16  # one after the other


class Malformed(Exception):
    """What is wrong with the file."""


def open_hdf5(path: str | Path, mode: str = "r") -> h5py.File:
    """Mode "r" or "w", as h5py has them."""
    return h5py.File(path, mode, locking=False)


def find(file: h5py.File, place: str) -> h5py.Group | h5py.Dataset | None:
    """What a path leads to, or None. Links within the file are followed.

    Raises:
        Malformed: a link, or the dataset's values, lead to another file.
    """
    node, names, left = file, [name for name in place.split("/") if name], MAX_LINKS
    while names:
        name = names.pop(0)
        if not isinstance(node, h5py.Group) or not node.id.links.exists(name.encode()):
            return None
        kind = node.id.links.get_info(name.encode()).type
        if kind == h5py.h5l.TYPE_HARD:
            node = node[name]
        elif kind == h5py.h5l.TYPE_SOFT and left:
            target, left = node.id.links.get_val(name.encode()).decode(), left - 1
            names = [part for part in target.split("/") if part] + names
            node = file if target.startswith("/") else node
        elif kind == h5py.h5l.TYPE_SOFT:
            raise Malformed(f"{place!r} is a link that leads to itself")
        else:
            raise Malformed(
                f"{place!r} is a link into another file; those are not followed: copy the data into this one"
            )
    if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual):
        raise Malformed(f"the values of {place!r} are in other files, which are not read; copy them into this one")
    return node
