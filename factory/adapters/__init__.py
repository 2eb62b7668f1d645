"""What of the student is trained, one kind of adapter a file; the table is `factory.adapters.kinds`."""
