"""What a drop is: names and photo formats. Standard library only: functions and training both ship it."""
