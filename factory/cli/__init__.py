"""What a person types: one small file a verb; each parses, calls and prints."""
