"""The protocols that inference services speak."""
