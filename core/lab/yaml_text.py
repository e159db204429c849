"""YAML that a user wrote, read safely: no tags, no aliases (a small file can expand to gigabytes), no key twice."""

from __future__ import annotations

from typing import Any

import yaml

from core.errors import InputError

_MOST_CHARS = 2_000_000


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
    """Refuses what a spec never needs."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "an alias (*) is not allowed here", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                message = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


# Times stay texts: "2026-11-24" is a value of a variable.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, name: str) -> Any:
    """The document in the text; JSON is YAML too. ``name`` is the file's, for messages.

    Raises InputError that names line and column.
    """
    if len(text) > _MOST_CHARS:
        raise InputError(f"{name} has more than {_MOST_CHARS:,} characters", subject=name)
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{name}{place}: {error.problem or error.context}", subject=name) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError(f"{name} is no YAML: {what[:200]}", subject=name) from None
