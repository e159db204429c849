"""The interpreter that holds the generated code and does what the tests ask of it."""

from __future__ import annotations

import io
import linecache
import operator
import site
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from core.lab.guest.peer import Peer
from core.lab.guest.values import BUILTIN_CLASSES, CHANGEABLE, FIXED, Node, Table
from core.lab.guest.wire import Printed, Wire, WireBroken, WireClosed

FILE = "solution.py"
_SPECIALS = (
    "__call__", "__len__", "__iter__", "__next__", "__getitem__", "__setitem__", "__delitem__", "__reversed__",
    "__enter__", "__exit__", "__bool__", "__neg__", "__pos__", "__abs__", "__invert__",
)  # fmt: skip


def _enter(value: Any) -> object:
    return type(value).__enter__(value)


def _leave(value: Any, failure: str | None) -> object:
    error = None if failure is None else RuntimeError(failure)
    return type(value).__exit__(value, type(error) if error else None, error, None)


def _content(value: Any) -> object:
    """A list, dict or set with the items of an object of a class derived from it."""
    return next(kind for kind in CHANGEABLE if isinstance(value, kind))(value)


def _public(module: ModuleType) -> list[str]:
    return list(getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]))


_OPERATORS = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor",
              "lshift", "rshift", "eq", "lt", "le", "gt", "ge", "getitem", "setitem", "delitem",
              "neg", "pos", "abs", "invert")  # fmt: skip
_OPERATIONS: dict[str, Callable[..., object]] = {
    **{name: getattr(operator, name) for name in _OPERATORS},
    **{f.__name__: f for f in (len, iter, next, str, repr, format, hash, bool, reversed, getattr, setattr, delattr)},
    "call": lambda function, *arguments, **named: function(*arguments, **named),
    "enter": _enter, "exit": _leave, "content": _content, "public": _public,
}  # fmt: skip


class SolutionSide(Peer):
    """Answers the tests. Nothing here needs to hold against the code: the other side trusts no answer."""

    def __init__(self, wire: Wire, code: str) -> None:
        super().__init__(wire)
        self._code = code
        self._output = Printed(lambda text: wire.send({"out": text}))
        self.number_of(ModuleType("solution"))

    def begin(self) -> None:
        """Puts everyday things where a program looks for them: printing, ``exit``, an empty standard input."""
        sys.stdout, sys.stdin, sys.argv = self._output, io.StringIO(), [FILE]
        site.setquit()
        linecache.cache[FILE] = (len(self._code), None, self._code.splitlines(keepends=True), FILE)

    def serve(self) -> None:
        """Until the tests are done."""
        while True:
            try:
                message = self.wire.receive()
            except (WireBroken, WireClosed):
                return
            self._serve(message)

    def perform(self, operation: str, arguments: list[Any], named: dict[str, Any]) -> object:
        if operation == "hello":
            return None
        if operation == "import":
            self._load()
            return None
        return _OPERATIONS[operation](*arguments, **named)

    def _load(self) -> None:
        module = self.shown(0)
        module.__file__ = FILE
        sys.modules["solution"] = module
        exec(compile(self._code, FILE, "exec"), module.__dict__)  # noqa: S102 - it is what this process is for

    def flush(self) -> None:
        self._output.flush()

    # ------------------------------------------------------------------------------------------- what is named

    def refer(self, value: Any, table: Table) -> Node:
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, CHANGEABLE) and type(value).__module__ != "solution":
            return self.encode(_content(value), table)  # a Counter or a defaultdict is a dict to the tests
        number, new = self.number_of(value)
        node: Node = {"object": number}
        if new:
            node["class"] = self._class(type(value))
            base: Any = next((kind for kind in FIXED if isinstance(value, kind)), None)
            if base is not None:
                node["value"] = self.encode(base(value), table)
        return node

    def _class(self, kind: type) -> Node:
        if BUILTIN_CLASSES.get(kind.__name__) is kind:
            return {"builtin": kind.__name__}
        number, new = self.number_of(kind)
        if not new:
            return {"class": number}
        return {
            "class": number,
            "name": kind.__name__,
            "bases": [self._class(base) for base in kind.__bases__],
            "specials": [name for name in _SPECIALS if any(vars(base).get(name) for base in kind.__mro__)],
            "content": issubclass(kind, CHANGEABLE),
            "failure": issubclass(kind, BaseException),
        }

    def resolve(self, tag: str, node: dict[str, Node], _table: Table) -> Any:
        if tag == "shown":
            return self.shown(node["shown"])
        if tag == "builtin":
            return BUILTIN_CLASSES[node["builtin"]]
        number = node["function"]

        def function(*arguments: object, **named: object) -> Any:
            return self.ask("call", number, *arguments, **named)

        function.__name__ = function.__qualname__ = node["name"]
        return function

    # ------------------------------------------------------------------------------------------------- failures

    def write_error(self, error: BaseException, table: Table) -> Node:
        return {
            "class": self._class(type(error)),
            "arguments": [self._argument(item, table) for item in error.args],
            "text": _safely(str, error),
            "where": _place(error),
            "object": self.number_of(error)[0],
        }

    def _argument(self, value: object, table: Table) -> Node:
        try:
            return self.encode(value, table)
        except Exception:  # noqa: BLE001 - an error must arrive, whatever it carries
            return _safely(repr, value)

    def read_error(self, node: Node, table: Table) -> BaseException:
        kind = BUILTIN_CLASSES.get(node["name"], RuntimeError)
        error = kind(*(self.decode(argument, table) for argument in node["arguments"]))
        return error if isinstance(error, BaseException) else RuntimeError(node["name"])


def _safely(write: Callable[[Any], str], value: object) -> str:
    try:
        return write(value)[:2000]
    except Exception:  # noqa: BLE001 - the code's own __str__ may raise anything
        return f"<{type(value).__name__}>"


def _place(error: BaseException) -> str:
    """The last line of the solution that an error passed, for people."""
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return ""  # its text has it
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    if not frames:
        return ""
    return f"{FILE}, line {frames[-1].lineno}, in {frames[-1].name}"


def main(parcel: dict[str, Any]) -> None:
    """Called by the first lines of the process with what the host sent."""
    side = SolutionSide(Wire(sys.stdin.buffer, sys.stdout.buffer), parcel["code"])
    side.begin()
    side.serve()
