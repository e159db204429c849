"""Vectors of the library's words, for core.vocabulary. Derived: losing them costs some embedding, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from core.ledger.codec import pack_vectors, unpack_vectors
from core.ledger.database import Database
from core.ledger.library_save import embedder_key
from core.ledger.schema import embedders, terms
from core.ledger.statements import upsert
from core.models import Vectors


class TermStore:
    """Implements core.vocabulary.TermStore. Raises LibraryError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def terms(self, *, embedder: str) -> tuple[list[str], Vectors]:
        """All words of this embedder with their vectors, shape (n, dimensions)."""
        query = (
            select(terms.c.word, terms.c.data, embedders.c.dimensions)
            .join(embedders, embedders.c.embedder_id == terms.c.embedder_id)
            .where(embedders.c.identity == embedder)
            .order_by(terms.c.word)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return [], np.zeros((0, 0), np.float32)
        return [row.word for row in rows], np.concatenate(
            unpack_vectors([row.data for row in rows], rows[0].dimensions)
        )

    def save_terms(self, words: Sequence[str], vectors: Vectors, *, embedder: str) -> None:
        """Adds or replaces, in one transaction. Another process may add the same words meanwhile."""
        if not words:
            return
        with self._database.write() as connection:
            key = embedder_key(connection, embedder, vectors.shape[1])
            rows = [
                {"embedder_id": key, "word": word, "data": pack_vectors(vector)}
                for word, vector in zip(words, vectors, strict=True)
            ]
            connection.execute(upsert(terms, for_sqlite=connection.dialect.name == "sqlite"), rows)
