"""What is likely to be wrong with a dataset's photos and labels, by features that training has anyway."""
