"""How do others use it? What a network costs, how soon it answers, and files for other programs."""
