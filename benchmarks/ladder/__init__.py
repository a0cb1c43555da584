"""The paper's claim asked fairly: a world of individuals, registered questions, a ladder of models."""
