"""What a training writes for people and for later states: metrics.json, report.html, predictions."""
