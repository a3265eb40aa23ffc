"""One hook for each payment API."""
