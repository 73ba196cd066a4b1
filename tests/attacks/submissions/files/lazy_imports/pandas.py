print("a file of the student's ran: pandas")
