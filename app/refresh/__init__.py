"""Making lists for all members, or for those of whom something changed, and publishing them."""
