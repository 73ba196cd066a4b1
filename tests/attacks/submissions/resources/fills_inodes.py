"""Makes empty files until there is no place for one more."""
made = 0
try:
    for made in range(30_000):
        open(f"file{made}", "w").close()
except OSError:
    pass
print("TRIED", made)
if made > 20_000:
    print("PWNED", made)
