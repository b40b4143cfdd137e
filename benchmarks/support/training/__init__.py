"""Training's competitors, their photos and the questions asked of them."""
