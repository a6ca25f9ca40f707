"""Keeping everybody up to date: subscriptions, and the files in which changes are told (RP-15 to RP-19)."""
