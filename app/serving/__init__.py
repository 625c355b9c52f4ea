"""The send-time path: deadline, caches, fallback and degradation; no Flask, no SQL."""
