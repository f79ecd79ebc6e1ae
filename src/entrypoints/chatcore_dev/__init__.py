"""The local stack: what `chatcore dev` runs beside the service, on a machine with nothing but Python."""
