print("PWNED ipykernel_launcher")
