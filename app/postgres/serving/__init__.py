"""What answering reads and writes: its pool, its statements, heartbeats and the register of sends."""
