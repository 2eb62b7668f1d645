"""Turn a handful of seed tasks into a small model that does the job."""

__version__ = "0.1.0"
