"""What a team sees elsewhere of what the ledger holds: records, delivery, and what is read back."""
