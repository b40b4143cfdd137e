"""What training reads: photos, labels and splits, and pixels made of them."""
