"""What is claimed about speed, as commands anyone can run: `python -m bench [NAME ...]`. See docs/benchmarks.md."""
