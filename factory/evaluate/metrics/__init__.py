"""Metrics: one file each, or one for a few that are measured together; `table.py` lists them."""
