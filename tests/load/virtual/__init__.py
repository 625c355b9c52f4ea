"""Services of known capacity in virtual time: the real search and judgement play on them without waiting."""
