"""The engine: hidden suites as pytest, proxies for student code, verdicts, reports."""
