"""Trouble with the database: lost statements, errors, outages, locks, too few connections."""
