"""Each way to log in, at a real broker, with what it is made of changing under load."""
