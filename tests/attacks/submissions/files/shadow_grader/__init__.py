print("PWNED __init__")
