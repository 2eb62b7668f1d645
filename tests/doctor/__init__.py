"""What the doctor finds, and what it mends."""
