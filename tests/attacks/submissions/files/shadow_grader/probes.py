print("PWNED probes")
