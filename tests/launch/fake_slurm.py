"""SLURM's commands as scripts: sbatch takes a job or refuses it, squeue lists what was taken, srun just runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

COMMANDS = {
    "sbatch": 'number=$(($(cat "$FAKE/number" 2>/dev/null || echo 100) + 1))\n'
    'if [ "$number" -gt "$(cat "$FAKE/room" 2>/dev/null || echo 1000)" ]; then\n'
    '  cat "$FAKE/words" >&2; exit 1\nfi\n'
    'echo "$number" > "$FAKE/number"\ncp "${!#}" "$FAKE/$number.sh"\necho "Submitted batch job $number"\n',
    "squeue": 'cat "$FAKE/queue" 2>/dev/null || true\n',
    "scancel": 'echo "$@" >> "$FAKE/cancelled"\n',
    "scontrol": '[ -f "$FAKE/scontrol_$2" ] && cat "$FAKE/scontrol_$2"\n',
    "sacctmgr": '[ -f "$FAKE/sacctmgr_$4" ] && cat "$FAKE/sacctmgr_$4"\n',
    "srun": 'while [[ "$1" == --* ]]; do [ "$1" = --output ] && shift; shift; done\nexec "$@"\n',
}


class FakeSlurm:
    """The folder of the commands and of what they were given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name, text in COMMANDS.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}")
            (folder / name).chmod(0o755)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}", "FAKE": str(folder), "LOGNAME": "me"}

    def refuse(self, after: int, words: str) -> None:
        """From now on take this many jobs more, and then answer with these words."""
        (self.folder / "room").write_text(str(100 + len(self.scripts()) + after))
        (self.folder / "words").write_text(words)

    def scripts(self) -> list[Path]:
        """The submitted scripts, in order."""
        return sorted(self.folder.glob("*.sh"))

    def options(self) -> dict[str, str]:
        """The options of the last script, as a shell reads them."""
        lines = re.findall("^#SBATCH --(.*)$", self.scripts()[-1].read_text(), re.MULTILINE)
        words = subprocess.run(["bash", "-c", f"printf '%s\\0' {' '.join(lines)}"], capture_output=True).stdout
        return dict(word.partition("=")[::2] for word in os.fsdecode(words).split("\0") if word)

    def run(self, script: Path) -> None:
        """Do on a node what SLURM would."""
        environment = {**os.environ, **self.environment, "SLURM_JOB_ID": script.stem, "SLURM_JOB_NODELIST": "node"}
        subprocess.run(["bash", str(script)], env=environment, check=False, capture_output=True, timeout=300)
