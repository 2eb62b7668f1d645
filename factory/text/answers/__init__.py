"""Final answers compared: numbers, units, formulas, lists, intervals, options, yes and no, words."""
