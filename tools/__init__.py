"""What makes files of the repository and never runs in a home: the reference pages, the phone ranges, the calendars."""
