"""How a space is searched: sessions, storage, queue, search methods, workers, results."""
