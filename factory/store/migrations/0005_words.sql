-- Tables, columns and codes in the words of the field, and undoing as a column of its own. Digests in the ledger are those of the first words
-- (factory/store/spelling.py), so that every entry still holds.

ALTER TABLE requests RENAME TO plan_items;
COMMENT ON TABLE plan_items IS 'The plan: which task was put to the teacher, in which draw, and the answer that its sample was read out of.';
COMMENT ON COLUMN turns.position IS 'place of the sample in the plan, as in plan_items';

ALTER TABLE samples RENAME COLUMN content_id TO dedup_key;
COMMENT ON COLUMN samples.dedup_key IS 'equal for samples that say the same';

ALTER TABLE runs RENAME COLUMN wanted TO target_count;
COMMENT ON COLUMN runs.target_count IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';
COMMENT ON COLUMN runs.plan_id IS 'the plan, as in plan_items';
COMMENT ON COLUMN plan_ends.target_id IS 'content id of the target count, the budget and the checks';

ALTER TABLE gates RENAME COLUMN against TO baseline_id;
ALTER TABLE gates RENAME COLUMN lost TO accuracy_drop;
ALTER TABLE gates RENAME COLUMN most_lost TO max_accuracy_drop;
COMMENT ON COLUMN gates.baseline_id IS 'the model that it was made from';
COMMENT ON COLUMN gates.accuracy_drop IS 'share of the held-out tasks: accuracy of the baseline less its own; negative where it does better';
COMMENT ON COLUMN gates.max_accuracy_drop IS 'what the recipe allows';
COMMENT ON COLUMN gates.passed IS 'whether accuracy_drop is at most that';

UPDATE evaluations SET role = 'student_recovered' WHERE role = 'student_repaired';
UPDATE stages SET stage = 'recover' WHERE stage = 'repair';
UPDATE training_log SET stage = 'recover' WHERE stage = 'repair';
UPDATE artifact_samples SET role = 'validation' WHERE role = 'watch';
COMMENT ON COLUMN evaluations.role IS 'teacher, base, student, student_quantized, student_recovered';
COMMENT ON COLUMN stages.stage IS 'generate, check, distill, compress, evaluate, recover';
COMMENT ON COLUMN artifact_samples.role IS 'train, validation, calibrate';
COMMENT ON COLUMN batches.content IS 'per table: number of rows and digest, the same as in the ledger; plan_items is called requests there';

ALTER TABLE verdicts ADD COLUMN undoes VARCHAR;
COMMENT ON COLUMN verdicts.undoes IS 'check_key of the person''s verdict that this row takes back; empty where it says something itself';
-- An undo used to be a note. Typed by a person it was none: only an undo brings back what was said before, or withdraws.
UPDATE verdicts SET undoes = regexp_extract(detail, 'person:\d{6}'), detail = NULL
WHERE check_name = 'person' AND regexp_full_match(detail, 'undo of person:\d{6}') AND (
    reason IN ('withdrawn', 'edited') OR EXISTS (
        SELECT 1 FROM verdicts e
        WHERE e.sample_id = verdicts.sample_id AND e.check_name = 'person' AND e.passed = verdicts.passed
            AND e.reason = verdicts.reason AND e.check_key < regexp_extract(verdicts.detail, 'person:\d{6}')
    )
);
