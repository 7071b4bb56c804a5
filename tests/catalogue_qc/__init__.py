"""Second readings of the catalogue: what is entered against what the sources print."""
