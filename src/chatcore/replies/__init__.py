"""Replies in the making: turns, generations, readers, checkpoints and recovery."""
