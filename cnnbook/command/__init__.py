"""The command `cnnbook`: one file a command, and `main`, which knows them all."""
