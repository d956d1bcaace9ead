"""A cell's run folder: whose it is, which weights it holds, why the last call failed. No torch."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from physlaw.config import FAILURE, CellConfig
from physlaw.errors import UserError
from physlaw.extras import missing
from physlaw.files import remove_leftovers, visible, write_json, write_text
from physlaw.schema import SCHEMA, read_record
from physlaw.training import ranks
from physlaw.training.stopping import Interrupted


def claim_folder(cell: CellConfig) -> None:
    """Write config.json, or check that the folder's is this cell's; clear what a killed run left half written."""
    remove_leftovers(cell.folder)
    path = cell.folder / "config.json"
    other = path.exists() and read_record(path).get("digest") != cell.digest()
    computed = bool(visible(cell.folder / "checkpoints", "*.json")) or (cell.folder / "provenance.json").exists()
    if other and computed:
        raise UserError(
            f"{cell.folder} holds a run of another configuration (config.json); remove it or choose another runs="
        )
    if other or not path.exists():
        write_json(path, {"schema": SCHEMA, "digest": cell.digest(), **json.loads(json.dumps(cell.resolved()))})


def trained_weights(cell: CellConfig) -> str:
    """SHA-256 of a trained cell's weights, as provenance.json names it. May raise UserError."""
    return str(read_record(cell.folder / "provenance.json", "weights_sha256")["weights_sha256"])


@contextlib.contextmanager
def noting_failure(folder: Path) -> Iterator[None]:
    """failure.txt says why the last call failed, for `physlaw status`."""
    note = folder / FAILURE
    if not ranks.is_main():
        yield
        return
    note.unlink(missing_ok=True)
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError):
            why = str(missing(error, "it"))
        with contextlib.suppress(OSError):  # the disk may be what failed
            write_text(note, f"{why}\n")
        raise
