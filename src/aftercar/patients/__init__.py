"""Virtual patients: draws of the system's parameters, each patient with a random stream of its own."""

__all__: list[str] = []
