"""Objects of the solution as the tests see them: names for what stays in the other interpreter.

The tests decide every comparison with a plain value themselves: an object of the solution never equals one, unless it
is a list, dict or set whose items do. Arithmetic with a plain value gives an object of the solution again, and there is
no difference with one, since ``assertAlmostEqual`` would take the solution's word for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.lab.guest.values import FIXED

Ask = Callable[..., Any]

_asks: list[Ask] = []
"""How to ask the solution; one per process, set by ``connect``."""


def connect(ask: Ask) -> None:
    """Says how the solution is asked. Called once, before there is any object."""
    _asks[:] = [ask]


def ask(operation: str, *arguments: object, **named: object) -> Any:
    """What the solution answers. Raises what it raises."""
    return _asks[0](operation, *arguments, **named)


class RemoteType(type):
    """A class of the solution: calling it makes an object over there."""

    cue_number: int

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> RemoteType:
        if bases and "cue_number" not in body:
            raise TypeError("the tests cannot derive a class from one of the solution")
        return super().__new__(cls, name, bases, body)

    def __call__(cls, *arguments: object, **named: object) -> Any:
        return ask("call", cls, *arguments, **named)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("cue_"):
            raise AttributeError(name)
        return ask("getattr", cls, name)

    def __setattr__(cls, name: str, value: object) -> None:
        ask("setattr", cls, name, value)

    def __iter__(cls) -> Iterator[Any]:
        return iter(ask("iter", cls))

    def __len__(cls) -> int:
        return int(ask("len", cls))

    def __bool__(cls) -> bool:
        return True

    def __getitem__(cls, key: object) -> Any:
        return ask("getitem", cls, key)


class Remote(metaclass=RemoteType):
    """An object of the solution. Its class is made by ``class_of``, with the special methods that it has there."""

    cue_number: int
    cue_content = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("cue_"):
            raise AttributeError(name)
        return ask("getattr", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        ask("delattr", self, name)

    def __str__(self) -> str:
        return str(ask("str", self))

    def __repr__(self) -> str:
        return str(ask("repr", self))

    def __format__(self, specification: str) -> str:
        return str(ask("format", self, specification))

    def __hash__(self) -> int:
        return int(ask("hash", self))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Remote):
            return ask("eq", self, other) is True
        if self.cue_content:
            return bool(ask("content", self) == other)
        return NotImplemented

    def __contains__(self, item: object) -> bool:
        return any(mine is item or mine == item for mine in iter(self))

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("an object of the solution cannot be copied by the tests")


def _asking(operation: str) -> Callable[..., Any]:
    return lambda self, *arguments, **named: ask(operation, self, *arguments, **named)


def _leaving(self: Remote, kind: type | None, *_: object) -> Any:
    return ask("exit", self, None if kind is None else kind.__name__)


def _truth(self: Remote) -> bool:
    return ask("bool", self) is True


_SPECIALS: dict[str, Callable[..., Any]] = {
    **{f"__{name}__": _asking(name) for name in (
        "call", "len", "iter", "next", "getitem", "setitem", "delitem", "reversed", "enter",
        "neg", "pos", "abs", "invert",
    )},
    "__exit__": _leaving,
    "__bool__": _truth,
}  # fmt: skip


def _ordering(operation: str) -> Callable[[Remote, object], bool]:
    def compare(self: Remote, other: object) -> bool:
        return ask(operation, self, other) is True if isinstance(other, Remote) else NotImplemented

    return compare


def _arithmetic(operation: str, *, reflected: bool) -> Callable[[Remote, object], Any]:
    def combine(self: Remote, other: object) -> Any:
        among_themselves = isinstance(other, Remote)
        if operation == "sub" and not among_themselves:
            return NotImplemented
        result = ask(operation, *((other, self) if reflected else (self, other)))
        if not among_themselves and not isinstance(result, Remote):
            raise TypeError("an object of the solution and a plain value gave a plain value; call a method instead")
        return result

    return combine


for _name in ("lt", "le", "gt", "ge"):
    type.__setattr__(Remote, f"__{_name}__", _ordering(_name))
for _name in (
    "add",
    "sub",
    "mul",
    "matmul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "lshift",
    "rshift",
    "xor",
    "and",
    "or",
):
    _operation = f"{_name}_" if _name in {"and", "or"} else _name
    type.__setattr__(Remote, f"__{_name}__", _arithmetic(_operation, reflected=False))
    type.__setattr__(Remote, f"__r{_name}__", _arithmetic(_operation, reflected=True))


def failure_class_of(number: int, name: str, bases: tuple[type, ...]) -> type[BaseException]:
    """The stand-in for an exception class of the solution: one to raise and to expect.

    Raises TypeError for bases that do not go together.
    """
    failures = tuple(base for base in bases if issubclass(base, BaseException)) or (Exception,)
    return type(
        name, failures, {"cue_number": number, "__module__": "solution", "__str__": _text, "__getattr__": _of_error}
    )


def class_of(number: int, name: str, bases: tuple[type, ...], specials: list[str], *, content: bool) -> type:
    """The stand-in for any other class of the solution.

    Raises TypeError or ValueError for a description that makes no class.
    """
    body: dict[str, Any] = {special: _SPECIALS[special] for special in specials}
    body |= {"cue_number": number, "__module__": "solution", "cue_content": content}
    remote = tuple(base for base in bases if isinstance(base, RemoteType))
    made: type = type.__call__(RemoteType, name, remote or (Remote,), body)
    return made


def object_of(number: int, kind: type) -> Remote:
    """The stand-in for an object of the solution."""
    made: Remote = object.__new__(kind)
    object.__setattr__(made, "cue_number", number)
    return made


def value_of(number: int, kind: type, value: Any) -> Any:
    """The same for an object of a class derived from int, str, tuple …: its value is here, its attributes are there."""
    base = type(value)
    if base not in FIXED:
        raise TypeError(f"{base.__name__} is no type of a fixed value")
    body = {"cue_number": number, "__getattr__": Remote.__getattr__}
    both = type.__call__(RemoteType, kind.__name__, (base, kind), body)
    return base.__new__(both, value)


def _text(self: BaseException) -> str:
    return str(vars(self).get("cue_text") or ", ".join(map(str, self.args)))


def _of_error(self: BaseException, name: str) -> Any:
    if name.startswith("cue_") or "cue_object" not in vars(self):
        raise AttributeError(name)
    return ask("getattr", self, name)
