"""Reads a PyTorch file as data: a process of its own, from standard input to safetensors on standard output.

    python -m physlaw.weights.reader < weights.pth > tensors.safetensors

The only place that opens such files. They hold pickles, which can name any function to be called; here every name but
those of tensors, storages and ordered dictionaries is refused, and these few are stand-ins of ours that do nothing.
Besides, the process has limits on memory, time and output, and once it reads, it may open no file, import no module,
and start or connect to nothing.

Three kinds are read: zip archives of state dictionaries and of TorchScript modules (whose code is not run), and the
sequence of pickles that PyTorch wrote before 1.6, as the published LPIPS heads are. Exit status: 0 done; 3 refused,
with a line on standard error.
"""

from __future__ import annotations

import encodings.cp437  # noqa: F401  what zipfile decodes names with, when it may import no more
import io
import os
import pickle
import re
import resource
import struct
import sys
import zipfile
from typing import Any, BinaryIO

from physlaw.weights.stored import OUTPUT, TYPES, Contents, Refused, Storage, Stored, named_tensors, write_safetensors

MEMORY = 4 << 30  # bytes of address space
SECONDS = 300  # of processor time
PICKLE = 16 << 20  # bytes; those of the known files have less than 1 MB
CODE = 1 << 20  # bytes of a module's code, which is searched for a number
REFUSED = 3

OLD_MAGIC = 0x1950A86A20F9469CFC6C
OLD_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
KNOWN_STORAGES = (("storage", ()), ("storage", (None,)))  # the first word; what follows the size
FORBIDDEN = ("open", "import", "exec", "compile", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "mmap.")


class Record(dict[Any, Any]):
    """The stand-in for dictionaries and for a TorchScript module's objects: what is in it, no behaviour."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.update({name: value for name, value in state.items() if name != "_metadata"})


def rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> Stored:
    """In place of torch._utils._rebuild_tensor_v2; `rest`: gradient flag, hooks, metadata."""
    if not isinstance(storage, Storage):
        raise Refused("a tensor without a storage")
    return Stored(storage, offset, tuple(shape), tuple(strides))


def first(value: Any, *rest: Any) -> Any:
    """In place of functions that give their argument another type."""
    return value


STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Record,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): first,
    **{("torch.jit._pickle", f"build_{kind}list"): first for kind in ("int", "double", "bool", "tensor")},
    ("torch.jit._pickle", "restore_type_tag"): first,
    **{("torch", kind): kind for kind in TYPES},
}


class Restricted(pickle.Unpickler):
    """Knows STAND_INS and, as Record, the classes of a TorchScript module; nothing else can be named."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return Record
        if (module, name) not in STAND_INS:
            raise Refused(f"it names {module}.{name}, which no weights need; nothing of it was run")
        return STAND_INS[module, name]

    def persistent_load(self, saved: Any) -> Storage:
        if not isinstance(saved, tuple) or len(saved) not in (5, 6) or (saved[0], saved[5:]) not in KNOWN_STORAGES:
            raise Refused("a storage is described in an unknown way")
        _, kind, key, _, size = saved[:5]
        if not (isinstance(kind, str) and kind in TYPES and isinstance(key, str) and type(size) is int and size >= 0):
            raise Refused("a storage is described in an unknown way")
        return self.storages.setdefault(key, Storage(kind, key, size))


def read_zip(stream: BinaryIO) -> Contents:
    """An archive of torch.save or torch.jit.save: <top>/data.pkl, <top>/data/<key>, <top>/code/ of a module."""
    archive = zipfile.ZipFile(stream)
    members = {member.filename: member for member in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise Refused("two members of the archive have one name")
    tops = [name.partition("/")[0] + "/" for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(tops) != 1:
        raise Refused("a zip archive, but not one of PyTorch (no data.pkl)")
    top = tops[0]

    def member(name: str, size: int | None = None, limit: int = OUTPUT, packed: bool = False) -> bytes:
        entry = members.get(top + name)
        if entry is None:
            raise Refused(f"the archive lacks {name}")
        if entry.compress_type != zipfile.ZIP_STORED and not packed:
            raise Refused(f"{name} is compressed, which PyTorch does with code only")
        if size not in (None, entry.file_size) or entry.file_size > limit:
            raise Refused(f"{name} has {entry.file_size} bytes, expected {limit if size is None else size}")
        return archive.read(entry)

    if top + "byteorder" in members and member("byteorder") != b"little":
        raise Refused("its numbers are not little-endian")
    tensors = named_tensors(Restricted(io.BytesIO(member("data.pkl", limit=PICKLE))).load())
    scripts = [name.removeprefix(top) for name in members if name.startswith(top + "code/") and "batchnorm" in name]
    code = b"".join(member(name, limit=CODE, packed=True) for name in scripts if name.endswith(".py"))
    epsilons = sorted({text.decode() for text in re.findall(rb"\beps : Final\[float\] = ([-+.e\d]+)", code)})
    known = {"eps": ",".join(epsilons)} if epsilons else {}
    return Contents(tensors, lambda storage: member(f"data/{storage.key}", storage.size * storage.item), known)


def read_old(stream: BinaryIO) -> Contents:
    """What torch.save wrote before PyTorch 1.6: five pickles, then each storage's length and numbers."""
    magic, protocol, system = (Restricted(stream).load() for _ in range(3))
    native = isinstance(system, dict) and system.get("little_endian") is True
    if (magic, protocol) != (OLD_MAGIC, 1001) or not native:
        raise Refused("of an unknown version, or not little-endian")
    unpickler = Restricted(stream)
    tensors = named_tensors(unpickler.load())
    places: dict[str, int] = {}
    for key in Restricted(stream).load():
        storage = unpickler.storages.get(key)
        if storage is None or stream.read(8) != struct.pack("<q", storage.size):
            raise Refused(f"storage {key!r} is not as long as its tensors say")
        places[key] = stream.tell()
        stream.seek(storage.size * storage.item, os.SEEK_CUR)

    def read(storage: Storage) -> bytes:
        if storage.key not in places:
            raise Refused(f"storage {storage.key!r} is missing")
        stream.seek(places[storage.key])
        return stream.read(storage.size * storage.item)

    return Contents(tensors, read)


def confine() -> None:
    """From here to its end: limits of the process, and an audit hook that stops what FORBIDDEN names."""
    for name, limit in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, OUTPUT)):
        resource.setrlimit(name, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            raise Refused(f"reading it led to {event!r}, which was not allowed")

    sys.addaudithook(watch)


def main() -> int:
    confine()
    stream, out = sys.stdin.buffer, sys.stdout.buffer
    try:
        start = stream.read(len(OLD_START))
        stream.seek(0)
        if start.startswith(b"PK\x03\x04"):
            contents = read_zip(stream)
        elif start == OLD_START:
            contents = read_old(stream)
        else:
            raise Refused("neither a zip archive of PyTorch nor a file of torch.save before 1.6")
        write_safetensors(contents, out)
    except Refused as error:
        print(error, file=sys.stderr)
    except MemoryError:
        print(f"reading it takes more than {MEMORY >> 30} GiB of memory", file=sys.stderr)
    except Exception as error:  # whatever a damaged file leads to
        print(f"damaged ({type(error).__name__}: {error})", file=sys.stderr)
    else:
        return 0
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
