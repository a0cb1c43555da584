"""Events with directions: where single sounds of a clip come from, ten times a second, and what they are."""
