"""A photograph repainted with the texture of a painting (Gatys, Ecker & Bethge 2016): features, losses, optimisation, measures."""
