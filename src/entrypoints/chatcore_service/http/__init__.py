"""The HTTP edge: requests become calls of use cases, what comes back becomes responses and streams."""
