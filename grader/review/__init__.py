"""What people ask and give: viva sheets, what a reviewer needs to read, and marks for written questions."""
