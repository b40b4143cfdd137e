"""How Step Functions calls other services: names, errors, retries, jobs. Knows nothing of the emulator."""
