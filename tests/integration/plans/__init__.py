"""How PostgreSQL carries out every statement there is, on tables that are large."""
