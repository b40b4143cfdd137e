"""The server's process: its gateway, its state on disk, its end."""
