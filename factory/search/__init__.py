"""Search under a budget: combinations of adapter rank, pruning and quantization are tried, and what they cost
and keep is entered."""
