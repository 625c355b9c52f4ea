"""Experiments on lists: a campaign's members are split into arms, and each arm's lists are made in another way."""
