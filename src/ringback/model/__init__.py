"""What we talk about: frozen values and pure rules. Imports nothing of ours."""
