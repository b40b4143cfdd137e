"""What invokes the function, as typed requests; and its answers."""
