"""What four channels are: hypotheses, what is measured, and the posterior."""
