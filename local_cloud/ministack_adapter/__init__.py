"""The one place that touches private names of ministack.

Each module here patches or extends one part of the emulator. Every private name is taken through
`patch_points.py`, which checks at start that it is there and has the expected form: with another version
of ministack the server refuses to start and names the point.
"""
