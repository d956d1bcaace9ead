"""What pyproject.toml cannot say: a wheel takes configs/ and the commit that it is built from into the package, and a
source archive keeps the commit. physlaw/profiles.py finds them there."""

import json
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent


def write_stamp(folder: Path) -> None:
    """commit.json, from git or as this copy of the sources has it."""
    sys.path.insert(0, str(HERE / "code"))
    try:
        from physlaw.provenance import STAMP, commit
    finally:
        sys.path.pop(0)
    known = commit()
    (folder / STAMP).unlink(missing_ok=True)  # it may be a link to this copy's own
    (folder / STAMP).write_text(json.dumps(known) + "\n", encoding="utf-8")


class Build(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # an editable install finds both in the checkout
            package = Path(self.build_lib) / "physlaw"
            shutil.rmtree(package / "configs", ignore_errors=True)
            shutil.copytree(HERE / "configs", package / "configs")
            write_stamp(package)


class SourceArchive(sdist):
    def make_release_tree(self, base_dir: str, files: "list[str]") -> None:
        super().make_release_tree(base_dir, files)
        write_stamp(Path(base_dir))


setup(cmdclass={"build_py": Build, "sdist": SourceArchive})
