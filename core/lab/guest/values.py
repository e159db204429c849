"""Values as JSON: what crosses between the two interpreters is data, compared and changed by whoever holds it.

None, bool, float, str and small int are themselves; everything else is an object whose first key is its tag. Lists,
dicts, sets, deques and bytearrays stand in a table, once each, and are named by their place in it: two names for one
list stay two names for one list, and a list that came with a question is known again in the answer.
"""

from __future__ import annotations

import base64
import builtins
from collections import deque
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import chain
from typing import Any

Node = Any
"""What json.loads gives."""

_ATOMS = (type(None), bool, float, str)
_FLAT = {*_ATOMS, int}
_EXACT_INT = 1 << 53
_DEEPEST = 100

CHANGEABLE: tuple[Any, ...] = (list, dict, set, bytearray, deque)
FIXED: tuple[Any, ...] = (bool, int, float, complex, str, bytes, tuple, frozenset)
"""An object of a class derived from one of these crosses as its value, and its attributes can still be asked."""
_TAGGED = {kind.__name__: kind for kind in CHANGEABLE}
_BY_TEXT = frozenset({
    "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "datetime.datetime", "datetime.date", "datetime.time",
    "builtins.complex",
})  # fmt: skip
"""Types that can be made again from their ``str``; imported only where one is met."""
_BY_FIELDS = {"builtins.range": ("start", "stop", "step"), "datetime.timedelta": ("days", "seconds", "microseconds")}

BUILTIN_CLASSES: dict[str, Any] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type)
    and (
        kind in {object, type, bytearray, list, dict, set, range, *FIXED}
        or (issubclass(kind, Exception | SystemExit) and not issubclass(kind, BaseExceptionGroup))
    )
    and kind.__name__ == name
}
"""Classes that are the same on both sides and may be named; never a function, which could be ``exec``."""


class Table:
    """The containers of one exchange by their places: those of the question, then those that the answer brings."""

    def __init__(self) -> None:
        self.containers: list[Any] = []
        self.nodes: list[Node] = []
        """What each held when it was entered."""
        self._places: dict[int, int] = {}

    def place_of(self, container: Any) -> int:
        """Where it stands; it is entered where it is new."""
        place = self._places.get(id(container))
        return self.enter(container, None) if place is None else place

    def enter(self, container: Any, node: Node) -> int:
        """Adds a container; it is kept alive with the table, so that its id stays its own."""
        place = self._places[id(container)] = len(self.containers)
        self.containers.append(container)
        self.nodes.append(node)
        return place

    def cut(self, length: int) -> None:
        """Forgets the containers from a place on."""
        for container in self.containers[length:]:
            del self._places[id(container)]
        del self.containers[length:], self.nodes[length:]


def _are_flat(items: Any) -> bool:
    """True where JSON can take the items as they are; decided without a loop in Python, for images and long lists."""
    kinds = set(map(type, items))
    if not kinds <= _FLAT:
        return False
    if int not in kinds:
        return True
    numbers = items if len(kinds) == 1 else [item for item in items if type(item) is int]
    return bool(min(numbers) > -_EXACT_INT and max(numbers) < _EXACT_INT)


class Coder:
    """Writes and reads values; ``refer`` and ``resolve`` are for what cannot be copied."""

    def refer(self, value: Any, table: Table) -> Node:
        """A node that names an object of this side. Raises TypeError where it may not be named."""
        raise NotImplementedError

    def resolve(self, tag: str, node: dict[str, Node], table: Table) -> Any:
        """The object that a node of the other side names."""
        raise NotImplementedError

    # -------------------------------------------------------------------------------------------------- writing

    def encode(self, value: Any, table: Table, depth: int = 0) -> Node:
        """A node for a value; containers in it are entered, and ``write_new`` has their nodes.

        Raises TypeError for what cannot cross, ValueError for tuples that are nested too deeply.
        """
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is int:
            return value if -_EXACT_INT < value < _EXACT_INT else {"int": hex(value)}
        if kind in CHANGEABLE:
            return {"at": table.place_of(value)}
        if kind is bytes:
            return {"bytes": base64.b64encode(value).decode()}
        if depth > _DEEPEST:
            raise ValueError(f"a value that is nested more than {_DEEPEST} levels deep cannot cross")
        if kind in {tuple, frozenset}:
            return {kind.__name__: self._encode_items(value, table, depth + 1)}
        return self._encode_named(value, f"{kind.__module__}.{kind.__qualname__}", table)

    def write_content(self, container: Any, table: Table) -> Node:
        """A node with what a container holds now."""
        tag = type(container).__name__
        if isinstance(container, bytearray):
            return {tag: base64.b64encode(container).decode()}
        if isinstance(container, dict):
            return {tag: [{"tuple": self._encode_items(pair, table)} for pair in container.items()]}
        return {tag: self._encode_items(container, table)}

    def write_new(self, table: Table, start: int = 0) -> list[Node]:
        """The nodes of the containers from a place on; writing them may enter more, and these are written, too."""
        place = start
        while place < len(table.containers):
            table.nodes[place] = self.write_content(table.containers[place], table)
            place += 1
        return table.nodes[start:]

    def _encode_items(self, items: Iterable[Any], table: Table, depth: int = 0) -> Node:
        items = list(items)
        if _are_flat(items):
            return items
        if set(map(type, items)) == {tuple} and _are_flat(list(chain.from_iterable(items))):
            return {"tuples": list(map(list, items))}  # a row of a picture
        return [self.encode(item, table, depth) for item in items]

    def _encode_named(self, value: Any, name: str, table: Table) -> Node:
        if name in _BY_TEXT:
            return {name: str(value)}
        if name in _BY_FIELDS:
            return {name: [self.encode(getattr(value, field), table) for field in _BY_FIELDS[name]]}
        return self.refer(value, table)

    # -------------------------------------------------------------------------------------------------- reading

    def read_new(self, nodes: list[Node], table: Table) -> None:
        """Enters the containers of the other side's nodes and fills them."""
        start = len(table.containers)
        for node in nodes:
            table.enter(_TAGGED[next(iter(node))](), node)
        for place, node in enumerate(nodes, start):
            self.refill(place, node, table)

    def refill(self, place: int, node: Node, table: Table) -> None:
        """Gives a container the content of a node. Raises LookupError, TypeError or ValueError for what is none."""
        container = table.containers[place]
        body = node[type(container).__name__]
        content = base64.b64decode(body) if isinstance(container, bytearray) else self._decode_items(body, table)
        container.clear()
        add: Callable[[Any], Any] = getattr(container, "extend", None) or container.update
        add(content)

    def decode(self, node: Node, table: Table) -> Any:
        """The value of a node. Raises ValueError, TypeError, LookupError or AttributeError for what is none."""
        if not isinstance(node, dict):
            return node
        tag = next(iter(node))
        body = node[tag]
        if tag == "at":
            return table.containers[body]
        if tag == "tuple":
            return tuple(self._decode_items(body, table))
        if tag == "frozenset":
            return frozenset(self._decode_items(body, table))
        return self._decode_scalar(tag, node, table)

    def _decode_scalar(self, tag: str, node: dict[str, Node], table: Table) -> Any:
        if tag == "int":
            return int(node[tag], 16)
        if tag == "bytes":
            return base64.b64decode(node[tag])
        if tag in _BY_TEXT or tag in _BY_FIELDS:
            return self._decode_named(tag, node[tag], table)
        return self.resolve(tag, node, table)

    def _decode_items(self, items: Any, table: Table) -> Any:
        if isinstance(items, dict):
            return list(map(tuple, items["tuples"]))
        return items if set(map(type, items)) <= _FLAT else [self.decode(item, table) for item in items]

    def _decode_named(self, tag: str, body: Node, table: Table) -> Any:
        module, _, name = tag.rpartition(".")
        kind = getattr(import_module(module), name)
        if tag in _BY_FIELDS:
            return kind(*self._decode_items(body, table))
        return getattr(kind, "fromisoformat", kind)(body)
