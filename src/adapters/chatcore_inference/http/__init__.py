"""HTTP to the inference service: connections, the transport, and the reader of event streams."""
