"""A site's file, configs/cluster/NAME.yaml: YAML's structure, every value as the text that stands there.

So the parser of words reads it: what is typed there means what it means on the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from physlaw.errors import UserError
from physlaw.words import Written

_FOLDED = set("\x85\u2028\u2029")
_NONE = ("", "null", "Null", "NULL", "~")


def read_site(path: Path) -> Dict[str, Any]:
    """The settings of a site's file, values as text; plain null and nothing are None.

    Raises:
        UserError: it cannot be read, or is no mapping.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        strange = _FOLDED & set(text)
        if strange:
            raise ValueError(f"{min(strange)!r} is a line break to YAML, which reads it as a space")
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        found = {} if root is None else _plain(root, text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a file that is not UTF-8 raises ValueError
        raise UserError(f"{path}: {' '.join(str(error).split())}; text with special characters in quotes") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: not key: value lines")
    return found


def _plain(node: Any, text: str) -> Any:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _NONE else node.value
    if isinstance(node, yaml.SequenceNode):
        return Written([_plain(item, text) for item in node.value], text[node.start_mark.index : node.end_mark.index])
    found = {}
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode) or name.value in found:
            raise ValueError(f"{getattr(name, 'value', name)!r} is no key, or stands there twice")
        found[name.value] = _plain(value, text)
    return found
