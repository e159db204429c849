"""One side of the conversation: asks the other side to do something, and serves it while it waits."""

from __future__ import annotations

from typing import Any

from core.lab.guest.values import Coder, Node, Table
from core.lab.guest.wire import Wire, WireBroken


class Peer(Coder):
    """What both sides have in common. Questions nest: a function of the tests may be called while they wait."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._shown: list[object] = []
        """Objects of this side that the other may name, by number; kept alive until the end."""
        self._numbers: dict[int, int] = {}
        self._before = 0

    def number_of(self, value: object) -> tuple[int, bool]:
        """The number by which the other side knows an object, and whether it is new."""
        number = self._numbers.get(id(value))
        if number is not None:
            return number, False
        self._shown.append(value)
        number = self._numbers[id(value)] = len(self._shown) - 1
        return number, True

    def shown(self, number: int) -> Any:
        return self._shown[number]

    def ask(self, operation: str, *arguments: object, **named: object) -> Any:
        """What the other side answers. Raises what it raises, WireClosed where it is gone, WireBroken for no answer.

        Lists, dicts, sets, deques and bytearrays among the arguments have afterwards the content that it gave them.
        """
        table = Table()
        question = {
            "do": operation,
            "with": [self.encode(argument, table) for argument in arguments],
            "named": {name: self.encode(value, table) for name, value in named.items()},
        }
        self.wire.send({**question, "table": self.write_new(table)})
        while True:
            message = self.wire.receive()
            if "do" in message:
                self._serve(message)
            elif "out" in message:
                self.printed(message["out"])
            else:
                break
        try:
            error, value = self._read_answer(message, table)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            raise WireBroken from None
        if error is not None:
            raise error
        return value

    def _read_answer(self, message: dict[str, Any], table: Table) -> tuple[BaseException | None, Any]:
        self.read_new(message["table"], table)
        for place, node in message["changed"]:
            self.refill(place, node, table)
        if "raise" in message:
            return self.read_error(message["raise"], table), None
        return None, self.decode(message["value"], table)

    def _serve(self, message: dict[str, Any]) -> None:
        table = Table()
        answer: dict[str, Any]
        try:
            self.read_new(message["table"], table)
            arguments = [self.decode(node, table) for node in message["with"]]
            named = {name: self.decode(node, table) for name, node in message["named"].items()}
            given = len(table.containers)
            answer = self._completed({"value": self.perform(message["do"], arguments, named)}, table, given)
        except BaseException as error:  # noqa: BLE001 - sys.exit in the code is an answer, too
            table.cut(len(message["table"]))
            answer = self._failed(error, table)
        self.flush()
        try:
            self.wire.send(answer)
        except ValueError as error:  # too large
            self._forget_new()
            self.wire.send(self._failed(error, Table()))

    def _failed(self, error: BaseException, table: Table) -> dict[str, Any]:
        try:
            return self._completed({"raise": error}, table, len(table.containers))
        except (TypeError, ValueError):  # what came with the question now holds what cannot cross
            return self._completed({"raise": error}, Table(), 0)

    def _completed(self, answer: dict[str, Any], table: Table, given: int) -> dict[str, Any]:
        """The answer as nodes, with what became of the containers that came with the question."""
        self._before = len(self._shown)
        try:
            return self._written(answer, table, given)
        except (TypeError, ValueError):
            self._forget_new()
            raise

    def _forget_new(self) -> None:
        """An answer that is not sent names nothing: what was new in it is new again."""
        for value in self._shown[self._before :]:
            del self._numbers[id(value)]
        del self._shown[self._before :]

    def _written(self, answer: dict[str, Any], table: Table, given: int) -> dict[str, Any]:
        if "raise" in answer:
            outcome = {"raise": self.write_error(answer["raise"], table)}
        else:
            outcome = {"value": self.encode(answer["value"], table)}
        now = [self.write_content(container, table) for container in table.containers[:given]]
        changed = [(place, node) for place, node in enumerate(now) if node != table.nodes[place]]
        return {**outcome, "changed": changed, "table": self.write_new(table, given)}

    def perform(self, operation: str, arguments: list[Any], named: dict[str, Any]) -> object:
        """Does what the other side asks for."""
        raise NotImplementedError

    def write_error(self, error: BaseException, table: Table) -> Node:
        raise NotImplementedError

    def read_error(self, node: Node, table: Table) -> BaseException:
        raise NotImplementedError

    def printed(self, text: str) -> None:
        """Text that the other side printed."""
        raise NotImplementedError

    def flush(self) -> None:
        """Sends what was printed so far, so that it comes before the answer."""
