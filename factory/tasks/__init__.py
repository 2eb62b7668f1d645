"""Dataset kinds: how seeds become questions, how a question is put to the teacher, and how its answer becomes
a sample."""
