"""The planner's JSON API, and the application that it and the pages stand in."""
