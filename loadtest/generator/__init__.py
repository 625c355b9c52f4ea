"""A Braze sender: arrivals, calls, and what became of them."""
