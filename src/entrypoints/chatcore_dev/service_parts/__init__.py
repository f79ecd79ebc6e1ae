"""Holds the code that the local auth and inference services share: command line, JSON requests, internal key."""
