"""CloudWatch: metrics of functions and of their logs, and alarms on them."""
