"""The command line: typer commands, no logic of their own."""
