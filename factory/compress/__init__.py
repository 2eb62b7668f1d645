"""The student made smaller, as a checkpoint that vLLM serves."""
