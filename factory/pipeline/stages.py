"""The names of the stages, in their order: the command line needs them before anything heavy is imported."""

STAGES = ("generate", "check", "distill", "compress", "evaluate", "recover", "report")
