"""The web service: people sign in, hand in, watch their work being graded and see where they stand.

The process of the service reads no student's code and runs none. Uploads are read by :mod:`grader.intake` in a process of
its own (``receiving``), and graded by another (``dispatcher``), whose executors start sandboxed runners. What any route
asks of its caller stands in one table (``access``), which the application enforces before it calls a route.

How to add pages: docs/decisions/0008-web-service.md.
"""
