"""The refresh: lists for all members, or for those of whom something changed, made and published as one run.

It says in which order things happen and where a transaction begins; every statement is in `app.postgres`.
"""
