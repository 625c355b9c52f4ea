"""A plan played second by second, and its report."""
