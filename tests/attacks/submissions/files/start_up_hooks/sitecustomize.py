print("PWNED sitecustomize")
