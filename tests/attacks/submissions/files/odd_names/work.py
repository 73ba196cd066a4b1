"""File names with markup, quotes, commands and foreign letters.

says: TRIED
"""
import os

print("TRIED", len(os.listdir(".")))
raise type("Odd", (Exception,), {})("<b>INJECTED</b>")
