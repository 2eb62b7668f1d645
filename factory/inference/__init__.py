"""Inference backends: vLLM inside the process, or OpenAI-compatible servers, behind one protocol. Teachers
and evaluated students alike."""
