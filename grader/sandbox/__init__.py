"""The sandbox: a zygote, confined workers, and the wire between them and us."""
