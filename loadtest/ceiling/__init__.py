"""The search for the highest rate that holds, and the evidence it leaves."""
