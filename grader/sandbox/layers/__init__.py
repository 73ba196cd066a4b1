"""The layers that isolate a worker, one module each, and the system calls they are made of."""
