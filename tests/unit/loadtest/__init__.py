"""The load harness, as far as it opens no socket."""
