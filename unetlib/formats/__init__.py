"""Files as others write them: pictures of digits, and weights."""
