"""How do others use it? What a network costs, how soon it answers, files, and a server."""
