"""Lists and mappings as words write them: [a, b] and {name: value, name: {name: value}}.

An item is text as it stands, without outer spaces; one that holds , [ ] { } or " stands in double quotes, as in JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any

from physlaw.errors import UserError

DEPTH = 4  # of mappings and lists in one another


def read_flow(key: str, text: str) -> Any:
    """Nested lists and mappings of text.

    Raises:
        UserError: the text is none; names the key.
    """
    reader = _Flow(text)
    try:
        found = reader.value()
        if reader.rest():
            raise ValueError(f"{reader.rest()!r} follows its end")
    except ValueError as error:
        raise UserError(f"{key}: not a list [a, b] or mapping {{name: value}}: {text!r} ({error})") from None
    return found


class _Flow:
    """Reads lists and mappings; raises ValueError."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.depth = text, 0, 0

    def rest(self) -> str:
        return self.text[self.place :].strip()

    def value(self, ends: str = ",]}") -> Any:
        self._skip()
        start = self.text[self.place : self.place + 1]
        if start == '"':
            found, self.place = json.JSONDecoder().raw_decode(self.text, self.place)
            return found
        if start in ("[", "{"):
            return self._items(list_of=start == "[")
        match = re.compile(rf'[^\[\]{{}}"{re.escape(ends)}]*').match(self.text, self.place)
        assert match is not None
        self.place = match.end()
        if not match.group().strip():
            raise ValueError(f"a value is missing at {self.place}")
        return match.group().strip()

    def _items(self, list_of: bool) -> Any:
        close, self.place, self.depth = "]" if list_of else "}", self.place + 1, self.depth + 1
        if self.depth > DEPTH:
            raise ValueError("nested too deeply")
        items: list[Any] = []
        if self._next(close):
            return items if list_of else {}
        while True:
            if list_of:
                items.append(self.value())
            else:
                name = self.value(ends=":,]}")
                if not isinstance(name, str) or not self._next(":"):
                    raise ValueError(f"a name and : are missing at {self.place}")
                items.append((name, self.value()))
            if self._next(close):
                self.depth -= 1
                return items if list_of else dict(items)
            if not self._next(","):
                raise ValueError(f", or {close} is missing at {self.place}")

    def _next(self, mark: str) -> bool:
        self._skip()
        found = self.text.startswith(mark, self.place)
        self.place += len(mark) * found
        return found

    def _skip(self) -> None:
        while self.text[self.place : self.place + 1].isspace():
            self.place += 1
