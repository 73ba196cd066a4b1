print("PWNED struct")
