"""Tells an outage of the storage from a single reply that cannot be stored."""

#: How many failures count as an outage. Fewer may concern single replies, whose rows are locked for example.
FAILURES_THAT_MEAN_OUTAGE: int = 3
