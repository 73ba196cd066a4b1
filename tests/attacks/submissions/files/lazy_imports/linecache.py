print("PWNED linecache")
