"""The service against a model of it in memory: whatever users do, both show the same."""
