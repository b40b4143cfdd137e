"""How much capacity the traffic asks for: reads CloudWatch, models, recommends, and applies when asked."""
