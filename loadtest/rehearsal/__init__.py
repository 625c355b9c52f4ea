"""A planned send played against the real service, beside its forecast."""
