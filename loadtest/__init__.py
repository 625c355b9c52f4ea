"""The load harness: a Braze sender in Locust, and the search for the call ceiling it can prove."""
