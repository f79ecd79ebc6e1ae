"""When failures mean that the storage is away, and not that one reply cannot be stored."""

#: So many of them; fewer may be single replies, on whose rows somebody has a lock for example.
FAILURES_THAT_MEAN_OUTAGE: int = 3
