"""What is heard: speech, files, recordings."""
