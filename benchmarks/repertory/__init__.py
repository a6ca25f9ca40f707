"""What it costs to inscribe people, and to ask whether somebody is inscribed; see run.py."""
