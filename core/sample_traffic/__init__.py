"""Made-up traffic, so that somebody with an empty ledger sees the watching pages alive. It is marked everywhere."""
