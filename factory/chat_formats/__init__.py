"""Chat formats: how a student's conversation, tools and calls are written; the table is
`factory.chat_formats.formats`."""
