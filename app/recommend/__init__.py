"""Which postings suit a member: pure functions of the board's data, no Flask, no SQL, no clock."""
