"""Alembic migrations; core.ledger.migrate runs them."""
