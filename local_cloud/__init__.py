"""An AWS for one machine: an emulator, mended, and the services that it lacks."""
