"""From scored postings to a list: companies spread, popular ones priced, each place explained."""
