"""The colours of the page and its drawings, and what a model's role is called there."""

ROLES = {
    "teacher": "Teacher",
    "base": "Base",
    "student": "Student",
    "student_quantized": "Compressed student",
    "student_recovered": "Recovered student",
}

# Each name with its light and its dark colour. The light ones must differ from each other and from pure
# black, which matplotlib leaves out.
THEME: dict[str, tuple[str, str]] = {
    "paper": ("#fdfdfb", "#12171d"),
    "raised": ("#f4f5f3", "#1a2129"),
    "ink": ("#17212b", "#e6e9ec"),
    "muted": ("#5a6672", "#9aa6b2"),
    "rule": ("#d9dddf", "#303a44"),
    "teacher": ("#b35c00", "#f0a44b"),
    "base": ("#66727d", "#a3aeb9"),
    "student": ("#1a67b0", "#71b4f5"),
    "student_quantized": ("#0b7f68", "#4cc9aa"),
    "student_recovered": ("#6d3fb0", "#c2a1f5"),
    "passed": ("#b9c9d6", "#41566a"),
    "failed_1": ("#a8324a", "#f07f92"),
    "failed_2": ("#d97b29", "#eda660"),
    "failed_3": ("#7a4fa3", "#bd97e6"),
    "failed_4": ("#a08a12", "#d6c04f"),
    "failed_5": ("#3f7d3a", "#86c980"),
    "failed_other": ("#8a6d5f", "#bfa294"),
}
