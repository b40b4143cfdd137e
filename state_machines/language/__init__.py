"""What the stages are written in: the SDK with JSONata, kinds of calls, and checks of a definition."""
