"""Photos that the model was in doubt about: listed, reviewed, and added to the next drop."""
