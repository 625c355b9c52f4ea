"""What became of the mail: pure functions of what was shown, clicked and applied to; no Flask, no SQL, no clock."""
