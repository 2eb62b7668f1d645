"""Command line: one small file for each verb; each parses, calls and prints."""
