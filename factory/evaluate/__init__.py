"""Teacher, base, student and compressed student on the same held-out tasks, through vLLM, in one run."""
