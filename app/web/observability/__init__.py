"""What is measured and logged, over all worker processes."""
