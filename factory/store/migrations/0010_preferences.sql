-- Answers of which none is the right one: a judge compares each with another answer to the same task. Rows that were there before stay as they are.

ALTER TABLE predictions ALTER COLUMN right_answer DROP NOT NULL;
COMMENT ON COLUMN predictions.right_answer IS 'whether the result is the reference''s; empty where no answer is the right one: preferences has those';
COMMENT ON COLUMN predictions.reference IS 'what is right, or an example of it; empty where there is none';
ALTER TABLE predictions ADD COLUMN input VARCHAR;
COMMENT ON COLUMN predictions.input IS 'the material that an instruction is about; empty where there is none';

CREATE TABLE preferences (
    evaluation_id VARCHAR,
    task_id VARCHAR,
    judge VARCHAR NOT NULL,
    against VARCHAR,
    as_first VARCHAR,
    as_second VARCHAR,
    credit DOUBLE NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (evaluation_id, task_id)
);
COMMENT ON TABLE preferences IS 'What a judge said of each answer beside another one to the same task, in both orders.';
COMMENT ON COLUMN preferences.evaluation_id IS 'the measurement whose answer was judged, as in evaluations';
COMMENT ON COLUMN preferences.task_id IS 'the held-out task, as in predictions';
COMMENT ON COLUMN preferences.judge IS 'the model that judged, as the recipe names it';
COMMENT ON COLUMN preferences.against IS 'the other answer: the held-out task''s own, or the teacher''s; empty where that could not be read';
COMMENT ON COLUMN preferences.as_first IS 'A, B or tie where the answer stood as A; empty where nothing was asked or could be read';
COMMENT ON COLUMN preferences.as_second IS 'A, B or tie where the answer stood as B; empty where nothing was asked or could be read';
COMMENT ON COLUMN preferences.credit IS '1: preferred in both orders; 0: the other answer was; 0.5: all else';
COMMENT ON COLUMN preferences.batch IS 'the transaction that brought the row';
