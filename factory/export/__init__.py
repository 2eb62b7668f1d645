"""The dataset out: the accepted samples of a store as JSON Lines, Parquet or a `datasets` folder, with a
card."""
