"""Questions to all results of a session at once: one scan into arrays, and functions over them."""
