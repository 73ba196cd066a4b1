print("PWNED usercustomize")
