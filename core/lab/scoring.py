"""All scorers of a plan on one output. Whatever a scorer does, the output has a Score with its reason."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from core.errors import CuepointError
from core.lab.scorers import Context, NothingToCompare, Scorer
from core.ledger import RunResult
from core.models import Score, Span, TestCase
from core.phrases import one_line

_log = logging.getLogger(__name__)
_LONGEST_REASON = 500


@dataclass(slots=True)
class Scored:
    """What came of it."""

    scores: dict[str, Score] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Of the scores that are worth remembering."""
    spans: list[Span] = field(default_factory=list)

    @property
    def passed(self) -> bool | None:
        """Whether every scorer that passes or fails let it pass; None where none does."""
        decided = [score.passed for score in self.scores.values() if score.passed is not None]
        return all(decided) if decided else None


def score_all(
    scorers: Sequence[Scorer], output: str, case: TestCase, context: Context, *, known: RunResult | None, began: float
) -> Scored:
    """Raises nothing. ``known``: an earlier run with this output; ``began``: the trace's ``perf_counter``."""
    scored = Scored()
    for scorer in scorers:
        start = perf_counter()
        if scorer.costly:
            scored.keys[scorer.label] = scorer.key(output, case)
        earlier = _earlier(scorer.label, scored.keys, known)
        score = earlier or _score(scorer, output, case, context)
        if score.value is None:
            scored.keys.pop(scorer.label, None)
        scored.scores[scorer.label] = score
        took_ms = (perf_counter() - start) * 1000
        attributes = {"value": score.value, "passed": score.passed, "remembered": earlier is not None}
        error = score.reason if score.value is None else None
        scored.spans.append(Span(f"score {scorer.label}", (start - began) * 1000, took_ms, attributes, error))
    return scored


def _earlier(label: str, keys: Mapping[str, str], known: RunResult | None) -> Score | None:
    """The score of the earlier run where all that decides it is equal."""
    if known is None or label not in keys or known.score_keys.get(label) != keys[label]:
        return None
    return known.run.scores.get(label)


def _score(scorer: Scorer, output: str, case: TestCase, context: Context) -> Score:
    try:
        score = scorer.score(output, case, context)
    except (NothingToCompare, CuepointError) as error:
        return Score(None, None, one_line(str(error))[:_LONGEST_REASON])
    except Exception as error:  # noqa: BLE001  a scorer that fails must not lose the output
        _log.debug("The scorer %s raised", scorer.label, exc_info=error)
        return Score(None, None, one_line(f"The scorer failed: {error}")[:_LONGEST_REASON])
    if score.value is not None and not math.isfinite(score.value):
        return Score(None, None, f"The scorer gave {score.value}, which is no score")
    return replace(score, reason=one_line(score.reason)[:_LONGEST_REASON])
