"""What is fitted: matrix factorisation, item neighbours, cold start."""
