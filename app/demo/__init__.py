"""A generated board, plainly labelled generated: postings, members and activity in the import format."""
