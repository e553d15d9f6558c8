"""Files as others write them: `pictures` and `weights` read them all."""
