"""An AWS for one machine: an emulator, patched, and the services that it lacks."""
