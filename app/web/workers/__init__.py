"""Worker processes: how they take connections, say that they live, and replace each other."""
