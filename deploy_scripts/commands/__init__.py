"""One file a command, in folders by what it is about; `COMMANDS` of cli.py says which is where."""
