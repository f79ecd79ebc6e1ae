"""Defines the resources of the API: each module has the operations, bodies and documents of one resource."""
