"""Ringback phones people, speaks a message, and hands back one report of each, exactly once."""

__version__ = "0.1.0"
