"""Liquid as Ruby's own library renders it, read as leniently, with Braze's `${name}` and double braces inside tags."""
