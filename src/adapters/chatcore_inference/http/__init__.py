"""Speaks HTTP to an inference service: connections, the transport, and the reader of event streams."""
