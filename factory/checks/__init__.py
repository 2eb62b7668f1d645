"""What a sample has to pass. One check a file; each verdict is a row with a reason code, and nothing is
dropped."""
