"""Tells clients which of their conversations have changed, as a feed and as pages."""
