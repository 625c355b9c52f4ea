"""The calendar: a week, a month, a list of all campaigns, files of them, and how campaigns are put on it."""
