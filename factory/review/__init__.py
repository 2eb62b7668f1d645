"""The review: samples in a browser, and what a person says of them."""
