"""Runs the chat service: settings, container, HTTP and command line."""
