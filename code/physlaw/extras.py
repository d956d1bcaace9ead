"""What an install may lack: packages of the extras in pyproject.toml, by name. Runs on Python 3.8."""

from __future__ import annotations

from physlaw.errors import UserError

EXTRAS = {
    "train": ("safetensors", "tensorboard", "torch"),
    "cluster": ("submitit",),
    "text": ("transformers", "sentencepiece"),
}


def missing(error: ModuleNotFoundError, what: str) -> UserError:
    """The error for a package that `what` needs and this Python has not: names it and how to install it."""
    package = (error.name or "physlaw").partition(".")[0]
    extra = next((f"[{name}]" for name, packages in EXTRAS.items() if package in packages), "")
    return UserError(
        f"{what} needs {package}, which this Python has not: pip install 'physlaw{extra}', or use .venv (make setup) "
        "or the image"
    )
