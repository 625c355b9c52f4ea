"""Candidates for each member, their signals, and the weights that make one score of them."""
