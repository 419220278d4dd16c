"""The mutants' names, readable before Django is set up."""

MUTANT_NAMES = ("no lookup", "no horizon", "mark after send", "no fencing")
