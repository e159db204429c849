"""Frames between the two interpreters: four bytes of length, then JSON."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

MAX_FRAME = 32 << 20
"""Bytes; more in one value is refused by the sender and ends the conversation at the receiver."""

_PRINTED_CHARS = 4096
_PIECE_CHARS = 1 << 16


class WireBroken(RuntimeError):
    """What the other side sent is no frame or no answer."""

    def __init__(self) -> None:
        super().__init__("the solution wrote to the channel between it and the tests")


class WireClosed(RuntimeError):
    """The other side is gone."""

    def __init__(self) -> None:
        super().__init__("the process of the solution has ended")


class Wire:
    """Both directions of one conversation. Sending is safe for threads, receiving is for one."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._sending = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Raises ValueError where the message is too large, WireClosed where nobody reads any more."""
        body = json.dumps(message).encode()
        if len(body) > MAX_FRAME:
            raise ValueError(f"a value of {len(body) >> 20} MB is too large to cross; at most {MAX_FRAME >> 20} MB do")
        try:
            with self._sending:
                self._sink.write(len(body).to_bytes(4, "big") + body)
                self._sink.flush()
        except OSError:
            raise WireClosed from None

    def receive(self) -> dict[str, Any]:
        """The next message. Raises WireBroken, WireClosed."""
        length = int.from_bytes(self._read(4), "big")
        if length > MAX_FRAME:
            raise WireBroken
        try:
            message = json.loads(self._read(length))
        except (ValueError, RecursionError):
            raise WireBroken from None
        if not isinstance(message, dict):
            raise WireBroken
        return message

    def _read(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) < size:
            raise WireClosed
        return data


class Printed(io.TextIOBase):
    """A standard output that hands on what is printed, some thousand characters at a time."""

    encoding = "utf-8"

    def __init__(self, hand_on: Callable[[str], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[str] = []
        self._chars = 0
        self.buffer = _PrintedBytes(self)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._waiting.append(text)
        self._chars += len(text)
        if self._chars > _PRINTED_CHARS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text, self._waiting, self._chars = "".join(self._waiting), [], 0
        for start in range(0, len(text), _PIECE_CHARS):
            self._hand_on(text[start : start + _PIECE_CHARS])


class _PrintedBytes(io.RawIOBase):
    """``sys.stdout.buffer`` of the above."""

    def __init__(self, text: Printed) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "replace"))
        return len(raw)
