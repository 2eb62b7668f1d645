"""The losses of training, on the positions where they count: nothing of prompts or padding reaches these
functions.

Every loss gives one number in nats for each position, (n,), and is differentiable in float32 and float64. How
positions are weighed and summed is the caller's (`factory.student.objective`).
"""
