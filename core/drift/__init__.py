"""Drift: whether the traffic has changed, in which columns, and what that did to the answers."""
