print("PWNED encodings")
