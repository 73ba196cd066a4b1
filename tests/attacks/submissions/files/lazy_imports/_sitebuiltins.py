print("PWNED _sitebuiltins")
