"""A double of Braze for the demo and for tests: it sends the published templates' mails and writes what Currents would.

It stands in for Braze and for the people who get the mail, and is no part of what a board runs. It knows nothing of how
its files are read. Each rule names the page it comes from; what Braze does not document is an assumption with a name.
"""
