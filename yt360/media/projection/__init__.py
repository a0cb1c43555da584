"""What a picture is: hypotheses, what is measured for and against each, and the posterior."""
