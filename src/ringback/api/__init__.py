"""What customers speak to."""
