"""What recorded results say: the best strategies, one strategy, files for other programs."""
