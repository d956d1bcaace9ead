"""Where the YAML groups of configs/ are, and which there are. No torch and no numpy."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import List

from physlaw.errors import UserError
from physlaw.files import visible

_PACKAGE = Path(__file__).resolve().parent
# What has configs/ and commit.json: the checkout or a copy of it, or, installed from a wheel, the package (setup.py).
REPOSITORY = _PACKAGE if (_PACKAGE / "configs").is_dir() else _PACKAGE.parents[1]


def configs_folder() -> Path:
    """configs/ of this checkout or install, or the folder that PHYSLAW_CONFIGS names.

    Raises:
        UserError: it is not there.
    """
    folder = Path(os.environ.get("PHYSLAW_CONFIGS", REPOSITORY / "configs"))
    if not (folder / "cell.yaml").is_file():
        raise UserError(f"no configuration in {folder}; set PHYSLAW_CONFIGS to a copy of configs/, or unset it")
    return folder


def choices(group: str, study: str = "") -> List[str]:
    """The files of a group: valid values of e.g. model=...; every study has profiles of its own."""
    return [path.stem for path in visible(configs_folder() / group / study, "*.yaml")]


def profile_recipe(study: str, profile: str) -> str:
    """The recipe that a study's profile uses unless told otherwise: its `override /recipe:` line."""
    path = configs_folder() / "profile" / study / f"{profile}.yaml"
    found = re.search(r"override /recipe: (\w+)", path.read_text(encoding="utf-8"))
    if not found:
        raise UserError(f"{path} names no recipe")
    return found.group(1)
