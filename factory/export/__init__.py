"""What goes out: the accepted samples of a store as JSON Lines, Parquet or a `datasets` folder, with a card;
held-out tasks for evaluators of others; a student as one file."""
