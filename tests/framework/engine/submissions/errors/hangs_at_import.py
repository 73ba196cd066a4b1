"""It never ends at import.

time_limit: all
"""

print("imported")
while True:
    pass
