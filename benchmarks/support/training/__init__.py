"""Training's contestants, their photos and the questions asked of them."""
