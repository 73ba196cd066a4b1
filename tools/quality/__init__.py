"""How good are the graders? One command measures them all and writes docs/generated/grader-quality.md."""
