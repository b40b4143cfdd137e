"""The AWS services that the emulator lacks, one package each."""
