"""What a program needs and does: predicted memory, operations, what a scheme trains."""
