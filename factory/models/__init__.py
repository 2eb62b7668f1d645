"""Model sources: the bundled one, Hugging Face ids, local folders; and what can be known of one
without loading it."""
