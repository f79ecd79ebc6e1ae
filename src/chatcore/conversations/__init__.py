"""Implements conversations: the entities, the rules about them, and the use cases."""
