"""The interpreter that holds the tests and judges. No line of the generated code runs in it."""

from __future__ import annotations

import builtins
import io
import sys
import unittest
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from core.lab.guest.peer import Peer
from core.lab.guest.remote import Remote, ask, class_of, connect, failure_class_of, object_of, value_of
from core.lab.guest.report import MESSAGE_CHARS, Host, Report, explain, names_in
from core.lab.guest.values import BUILTIN_CLASSES, FIXED, Node, Table
from core.lab.guest.wire import Printed, Wire, WireBroken, WireClosed

_TOGETHER = 200


class Solution(ModuleType):
    """The module ``solution`` of the tests: every name in it is looked up on the other side."""

    cue_number = 0

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [name for name in ask("public", self) if name not in self._taken()]
        if name.startswith("__"):
            raise AttributeError(name)
        return ask("getattr", self, name)

    @staticmethod
    def _taken() -> set[str]:
        """Names that ``from solution import *`` leaves alone: no solution brings a ``sum`` of its own that way."""
        return {*dir(builtins), *vars(sys.modules.get("tests") or builtins)}

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("__"):  # set by the import
            object.__setattr__(self, name, value)
        else:
            ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        ask("delattr", self, name)


class TestsSide(Peer):
    """Asks the solution. What comes back is data; of this side it may call the functions that it was given."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._known: dict[int, Any] = {}
        """Classes and objects of the solution that were named before."""
        self.asked = False
        self.lost = False
        """True once the other process is gone."""

    def ask(self, operation: str, *arguments: object, **named: object) -> Any:
        self.asked = True
        try:
            return super().ask(operation, *arguments, **named)
        except WireClosed:
            self.lost = True
            raise

    def perform(self, operation: str, arguments: list[Any], named: dict[str, Any]) -> object:
        if operation != "call":
            raise RuntimeError("the solution may only call functions that the tests gave it")
        return self.shown(arguments[0])(*arguments[1:], **named)

    def printed(self, text: str) -> None:
        sys.stdout.write(str(text))

    # ------------------------------------------------------------------------------------------- what is named

    def refer(self, value: Any, table: Table) -> Node:
        number = _number_of(value)
        if number is not None:
            return {"shown": number}
        name = value.__name__ if isinstance(value, type) else ""
        if BUILTIN_CLASSES.get(name, self) is value:
            return {"builtin": name}
        for base in (*FIXED, list, dict, set):
            if isinstance(value, base):
                return self.encode(base(value), table)
        if callable(value):
            return {"function": self.number_of(value)[0], "name": str(getattr(value, "__name__", "function"))}
        raise TypeError(
            f"the tests can hand over plain values, functions and objects of the solution, not {type(value).__name__}"
        )

    def resolve(self, tag: str, node: dict[str, Node], table: Table) -> Any:
        if tag == "builtin":
            return BUILTIN_CLASSES[node["builtin"]]
        number = int(node[tag])
        if number not in self._known:
            self._known[number] = (
                self._class(number, node, table) if tag == "class" else self._object(number, node, table)
            )
        return self._known[number]

    def _class(self, number: int, node: dict[str, Node], table: Table) -> type:
        bases = tuple(self.decode(base, table) for base in node["bases"])
        name = str(node["name"])
        if node["failure"]:
            return failure_class_of(number, name, bases)
        return class_of(number, name, bases, node["specials"], content=bool(node["content"]))

    def _object(self, number: int, node: dict[str, Node], table: Table) -> Any:
        kind = self.decode(node["class"], table)
        if "value" in node:
            return value_of(number, kind, self.decode(node["value"], table))
        return object_of(number, kind)

    # ------------------------------------------------------------------------------------------------- failures

    def write_error(self, error: BaseException, table: Table) -> Node:
        try:
            arguments = [self.encode(argument, table) for argument in error.args]
        except (TypeError, ValueError):
            arguments = [str(error)]
        return {"name": type(error).__name__, "arguments": arguments}

    def read_error(self, node: Node, table: Table) -> BaseException:
        kind: Any = self.decode(node["class"], table)
        if not issubclass(kind, BaseException):
            raise WireBroken
        arguments = [self.decode(argument, table) for argument in node["arguments"]]
        try:
            error: BaseException = kind(*arguments)
        except TypeError:
            error = kind.__new__(kind, *arguments)
        number = int(node["object"])
        vars(error).update(cue_object=number, cue_text=str(node["text"]), cue_where=str(node["where"]))
        self._known[number] = error
        return error


def _number_of(value: Any) -> int | None:
    """The number by which the solution knows what it gave us."""
    if isinstance(value, Remote | Solution):
        return int(value.cue_number)
    if isinstance(value, BaseException):
        return vars(value).get("cue_object")
    return vars(value).get("cue_number") if isinstance(value, type) else None


class Finder:
    """Gives the tests the module ``solution``."""

    def __init__(self, side: TestsSide) -> None:
        self._side = side

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == "solution" else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Solution(spec.name)

    def exec_module(self, _module: ModuleType) -> None:
        self._side.ask("import")


def load(source: str) -> unittest.TestSuite:
    """The tests of a module given as text. Raises what the module raises."""
    module = ModuleType("tests")
    sys.modules["tests"] = module
    exec(compile(source, "tests.py", "exec"), module.__dict__)  # noqa: S102 - the tests are what this process is for
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def judge(side: TestsSide, host: Host, source: str) -> None:
    """Loads and runs the tests, and tells the host of each."""
    try:
        suite = load(source)
    except BaseException as error:  # noqa: BLE001 - sys.exit in the solution reaches us here
        foreign = isinstance(error, ModuleNotFoundError) and "cue_where" not in vars(error) and error.name != "solution"
        host.say({"unloadable": explain(error)[:MESSAGE_CHARS], "tests_fault": foreign or not side.asked})
        return
    names = names_in(suite)
    for start in range(0, len(names), _TOGETHER):
        host.say({"names": names[start : start + _TOGETHER]})
    suite.run(Report(host))


def main(parcel: dict[str, Any]) -> None:
    """Called by the first lines of the process with what the host sent."""
    host = Host(parcel["nonce"])
    side = TestsSide(Wire(sys.stdin.buffer, sys.stdout.buffer))
    connect(side.ask)
    sys.stdin, sys.stdout = io.StringIO(), Printed(lambda text: host.say({"out": text}))
    sys.meta_path.insert(0, Finder(side))
    try:
        Peer.ask(side, "hello")  # it has not loaded the code yet, so this answer can be believed
        host.say({"ready": True})
        judge(side, host, parcel["tests"])
    except BaseException as error:  # noqa: BLE001 - whatever ended the run, the host must not wait
        host.say({"ended": explain(error)[:MESSAGE_CHARS]})
    sys.stdout.flush()
    host.say({"done": not side.lost})
