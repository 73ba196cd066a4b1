print("PWNED grader")
