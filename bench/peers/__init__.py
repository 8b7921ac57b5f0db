"""steerx beside what a user could pick instead: same weights, same codes, each side a process of its own."""
