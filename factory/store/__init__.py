"""The store: one DuckDB file that holds every seed, answer, sample, verdict, model and figure, and the ledger
that proves it whole."""
