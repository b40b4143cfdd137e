"""Who may speak to the server: programs of this machine that sign with a key of this cloud."""
