"""A stored session: its row, its snapshot, its design, and the objective it was created with."""
