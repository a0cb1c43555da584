"""A trained model on recordings: input, features, maps of where what is seen sounds."""
