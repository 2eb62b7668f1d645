"""What every test shares."""

from hypothesis import settings

# A busy machine is no fault of an example: hypothesis' own limit of 200 ms each would make it one.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")
