"""What came of strategies, and how it becomes rows of the results table."""
