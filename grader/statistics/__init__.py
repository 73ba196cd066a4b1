"""Statistics of an assignment: what each check tells about a class, and what the class tells about each check."""
