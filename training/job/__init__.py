"""How a training runs: processes, checkpoints, stop signal, progress lines, time and memory."""
