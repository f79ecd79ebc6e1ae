"""Generates replies, stores them while they grow, delivers them to readers and recovers orphaned ones."""
