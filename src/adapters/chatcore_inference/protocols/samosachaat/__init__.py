"""The protocol of the samosaChaat inference service."""
