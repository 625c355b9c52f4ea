"""What postings and profiles say, as columns and sparse matrices."""
