"""What the attack suite is played in: a course with planted secrets, its attackers, and a watch on the machine."""
