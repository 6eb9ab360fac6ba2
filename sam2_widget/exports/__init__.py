"""One module per file format that results are exported to."""
