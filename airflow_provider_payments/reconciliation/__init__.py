"""Comparing the payments of an API with the rows of a table."""
