"""What outlives the process: checkpoints, weights, and what guards a run."""
