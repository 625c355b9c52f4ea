"""A fitted model, saved, and brought up to date without fitting it anew."""
