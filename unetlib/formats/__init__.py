"""Files of MNIST as others write them."""
