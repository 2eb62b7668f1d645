"""Training of the student: accepted samples become token rows, TRL trains an adapter on them, the adapter is
merged into a model of its own."""
