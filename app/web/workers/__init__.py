"""Worker processes: how they accept connections, answer health checks, and replace each other."""
