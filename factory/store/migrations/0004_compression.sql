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

CREATE TABLE trials (
    search_id VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    choice JSON NOT NULL,
    recipe_text VARCHAR NOT NULL,
    artifact_id VARCHAR,
    evaluation_id VARCHAR,
    failure VARCHAR,
    seconds DOUBLE NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (search_id, number)
);
COMMENT ON TABLE trials IS 'What factory search tried; the figures of each are in evaluations.';
COMMENT ON COLUMN trials.search_id IS 'content id of the recipe without its limits, and of what can be chosen';
COMMENT ON COLUMN trials.number IS 'in the order in which they were tried, from 1';
COMMENT ON COLUMN trials.choice IS 'what was chosen, by name';
COMMENT ON COLUMN trials.recipe_text IS 'a whole recipe: factory run makes the same student of it';
COMMENT ON COLUMN trials.artifact_id IS 'the student that came out; NULL if none did';
COMMENT ON COLUMN trials.evaluation_id IS 'its measurement, as in evaluations';
COMMENT ON COLUMN trials.failure IS 'why none came out; NULL if one did';
COMMENT ON COLUMN trials.seconds IS 'wall time; little where the student was there already';
COMMENT ON COLUMN trials.batch IS 'the transaction that brought the row';
