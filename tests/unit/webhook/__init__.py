"""A message to a team's channel."""
