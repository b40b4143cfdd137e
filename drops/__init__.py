"""What a drop is: names, layout, zips, photo formats, limits.

Standard library only: functions and training both ship it, so that what is inspected is what is trained.
"""
