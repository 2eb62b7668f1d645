"""Tests of the search under a budget."""
