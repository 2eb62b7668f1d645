"""Review of samples by a person, in a browser."""
