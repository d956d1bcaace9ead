"""What an image consists of, as JSON: base, flavour, digest of the lock, packages with versions and hashes."""

import hashlib
import json
import platform
import re
import subprocess
import sys
from pathlib import Path


def locked_hashes(lock: str) -> dict[str, list[str]]:
    """name==version -> the digests that the lock accepts."""
    found = {}
    for entry in re.split(r"\n(?=\S)", lock):
        name = entry.split(" ", 1)[0].strip()
        if "==" in name:
            found[name.split(";")[0]] = re.findall(r"sha256:[0-9a-f]{64}", entry)
    return found


def main() -> None:
    """Print the manifest of this environment."""
    base, flavour = sys.argv[1:3]
    text = (Path(__file__).parent / f"{flavour}.lock").read_text()
    debian = subprocess.run(["dpkg-query", "-W", "-f", "${Package}=${Version}\n"], capture_output=True, text=True)
    manifest = {
        "base": base,
        "flavour": flavour,
        "architecture": platform.machine(),
        "lock_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "python": platform.python_version(),
        "debian": debian.stdout.split(),
        "packages": locked_hashes(text),
    }
    print(json.dumps(manifest, indent=1))


if __name__ == "__main__":
    main()
