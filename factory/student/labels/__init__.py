"""Training of students that answer with one of a few labels by a classification head."""
