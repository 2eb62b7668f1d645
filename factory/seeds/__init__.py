"""Seeds from anywhere: files, folders and hub datasets in several published forms, read row by row into one
`Seed`."""
