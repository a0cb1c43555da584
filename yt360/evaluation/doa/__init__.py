"""Sound event localisation and detection on frozen features: a small head that says what sounds where."""
