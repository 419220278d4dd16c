"""Practice carriers: as strict as the documents of the real ones say, and nothing in them drives anywhere."""
