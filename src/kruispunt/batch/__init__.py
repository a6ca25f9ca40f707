"""Files of inscriptions and deletions (RP-08)."""
