"""Kruispunt: an open crossroads bank."""

__version__ = "0.1.0"
