"""What makes a training step fast; no result needs it."""
