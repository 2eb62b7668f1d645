"""Audit of a store: the overview, answers as tables and files, the prompt."""
