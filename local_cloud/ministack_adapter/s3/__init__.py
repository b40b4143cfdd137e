"""S3 of the emulator: its events, its reads, and writes that are on disk before they are answered."""
