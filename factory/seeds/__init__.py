"""Seeds from anywhere: files, folders and hub datasets in several published formats, read row by row into one
`Seed`."""
