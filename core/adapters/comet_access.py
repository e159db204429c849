"""Where the records go: key, workspace, project and address, cleaned, and how they are named to people."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.config import Settings
from core.errors import SettingsError
from core.mirror.cleaning import clean_text

DEFAULT_PROJECT = "cuepoint"
DEFAULT_URL = "https://www.comet.com/clientlib/"
CONNECT_S = 3.05
"""A little over three seconds, TCP's first retransmission."""
CALL_TIMES = 3
"""A whole call, body included, may take so many times what one read may."""
MOST_NAME_CHARS = 100

_NOT_IN_PROJECTS = re.compile(r"[^\w .-]+")
_CONTROLS = re.compile(r"[\0-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Access:
    """How Comet is reached. ``repr`` and texts hold no key."""

    key: str = field(repr=False)
    workspace: str | None
    """None: the key's own."""
    project: str
    url: str
    """With the path that comet_ml expects, ending in a slash."""
    timeout_s: float

    @property
    def root(self) -> str:
        """What comet_llm expects."""
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}/"

    @property
    def host(self) -> str:
        """Without a user and password that somebody may have put into the address."""
        return (urlsplit(self.url).netloc or self.url).rpartition("@")[2]

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.workspace or 'the default workspace'}/{self.project} at {self.host}"

    @property
    def experiments(self) -> str:
        """The project of experiments and data versions: a project of Comet holds either these or LLM records."""
        return f"{self.project}-experiments"

    @property
    def call_s(self) -> float:
        return CALL_TIMES * self.timeout_s

    def without_key(self, text: str) -> str:
        return text.replace(self.key, "…") if self.key else text


def access_of(settings: Settings) -> Access | None:
    """None without a key. Raises SettingsError for an address that is none."""
    key = "" if settings.comet_api_key is None else settings.comet_api_key.get_secret_value().strip()
    if not key:
        return None
    workspace = _CONTROLS.sub("", settings.comet_workspace or "").strip()[:MOST_NAME_CHARS]
    url = (settings.comet_url_override or "").strip() or _url_in(key) or DEFAULT_URL
    return Access(
        key, workspace or None, project_name(settings.comet_project_name), _whole(url), settings.comet_timeout_s
    )


def project_name(name: str | None) -> str:
    r"""A name that Comet takes and that fits into an address: no slashes, no control characters, not too long.

    >>> project_name("team/answers\n2")
    'team-answers-2'
    >>> project_name("///")
    'cuepoint'
    """
    plain = _NOT_IN_PROJECTS.sub("-", clean_text(name or "", MOST_NAME_CHARS * 4).replace("\ufffd", "-"))
    return plain.strip(" .-")[:MOST_NAME_CHARS].rstrip(" .-") or DEFAULT_PROJECT


def _whole(url: str) -> str:
    """The address with a path: comet_ml does not work without one. Raises SettingsError."""
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:  # brackets that do not close, or a port that is none
        usable = False
    if not usable:
        hint = "It is like https://www.comet.com/clientlib/."
        raise SettingsError("COMET_URL_OVERRIDE is no address", subject="COMET_URL_OVERRIDE", hint=hint)
    path = address.path.strip("/") or "clientlib"
    return f"{address.scheme}://{address.netloc}/{path}/"


def _url_in(key: str) -> str | None:
    """A key of an own installation carries its address: ``key*<base64 of {"baseUrl": …}>`` (comet_llm's api_key)."""
    _, mark, packed = key.partition("*")
    if not mark or not packed:
        return None
    try:
        attributes = json.loads(base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_"))
    except ValueError:
        return None
    base = attributes.get("baseUrl") if isinstance(attributes, dict) else None
    return base if isinstance(base, str) and base else None
