"""Scorers by meaning: nearness to the expected answer, and whether the passages support what is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from core.citations import check
from core.lab.scorers.base import Context, NothingToCompare, Scorer, Tools, share
from core.models import Score, TestCase


class Similarity(Scorer):
    """Cosine between the embeddings of output and expected answer, 0 where it is negative."""

    type: Literal["similarity"] = "similarity"
    threshold: float = Field(default=0.8, ge=0, le=1)
    costly: ClassVar[bool] = True
    needs_expected: ClassVar[bool] = True

    def score(self, output: str, case: TestCase, context: Context) -> Score:
        wanted = self.expected_of(case)
        if not output.strip():
            return share(0.0, at_least=self.threshold, reason="The output is empty")
        if context.tools.embedder is None:
            raise NothingToCompare("There is no embedder")
        one, other = context.tools.embedder.embed([output, wanted])
        return share(max(0.0, float(one @ other)), at_least=self.threshold)


class Faithfulness(Scorer):
    """The share of sentences that the case's passages support, by the check that Ask's answers go through."""

    type: Literal["faithfulness"] = "faithfulness"
    threshold: float = Field(default=1.0, ge=0, le=1)
    costly: ClassVar[bool] = True

    def check(self, cases: Sequence[TestCase], tools: Tools) -> str | None:
        if any(tools.passages(case) for case in cases):
            return None
        return "no case has passages; the variable passages holds them, or the trace that a case was made of"

    def score(self, output: str, case: TestCase, context: Context) -> Score:
        passages = context.tools.passages(case)
        if not passages:
            raise NothingToCompare("The case has no passages")
        checked = check(output, passages, embedder=context.tools.embedder)
        claims = [claim for claim in checked.claims if claim.support is not None]
        if not claims:
            if output.strip():
                return Score(None, None, "The output claims nothing")
            return share(0.0, at_least=self.threshold, reason="The output is empty")
        supported = sum(claim.supported for claim in claims)
        reason = f"{supported} of {len(claims)} sentences are supported"
        return share(supported / len(claims), at_least=self.threshold, reason=reason)
