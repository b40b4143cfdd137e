"""What a deployment costs on AWS: components of a quantity and a price, which has a source and a date."""
