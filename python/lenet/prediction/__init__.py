"""Classification of digits in pictures of any kind."""
