"""What is on record as a calendar that people take along: a table for a spreadsheet, and iCalendar."""
