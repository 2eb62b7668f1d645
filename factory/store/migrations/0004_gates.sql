-- What is decided about compressed models: whether one may ship, and which were tried.

CREATE TABLE gates (
    artifact_id VARCHAR NOT NULL,
    against VARCHAR NOT NULL,
    lost DOUBLE NOT NULL,
    most_lost DOUBLE NOT NULL,
    passed BOOLEAN NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE gates IS 'Whether a compressed model may be the default. Of several rows on a model the latest counts; one without a row may.';
COMMENT ON COLUMN gates.artifact_id IS 'the compressed model';
COMMENT ON COLUMN gates.against IS 'the model that it was made from';
COMMENT ON COLUMN gates.lost IS 'share of the held-out tasks: accuracy of against less its own; negative where it does better';
COMMENT ON COLUMN gates.most_lost IS 'what the recipe allows';
COMMENT ON COLUMN gates.passed IS 'whether lost is at most that';
COMMENT ON COLUMN gates.batch IS 'the transaction that brought the row';

COMMENT ON COLUMN evaluations.role IS 'teacher, base, student, student_quantized, student_repaired';
COMMENT ON COLUMN stages.stage IS 'generate, check, distill, compress, evaluate, repair';
