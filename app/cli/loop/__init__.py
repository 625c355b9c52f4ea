"""Commands of the loop: what goes out to others, and what comes back."""
