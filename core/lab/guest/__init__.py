"""What runs inside the sandbox: the standard library only, and no import of the rest of the core.

Two interpreters, each in a jail of its own. ``tests_side`` holds the tests and judges; ``solution_side`` holds the
generated code. Between them go values, never objects, so the code cannot reach what judges it.
"""
