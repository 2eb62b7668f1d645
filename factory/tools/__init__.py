"""Tools that a model may call: what they promise (`spec`), which ones ship (`registry`), and their work."""
