"""The server's process: its front door, its state on disk, its end."""
