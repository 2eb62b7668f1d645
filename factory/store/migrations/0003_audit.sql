-- What people and the audit add: when a verdict was given, where an edited sample comes from, how sure the teacher was of each answer.

ALTER TABLE verdicts ADD COLUMN judged_at TIMESTAMP;
COMMENT ON TABLE verdicts IS 'What each check, and each person, says of each sample, and why. Of a person''s rows on a sample the latest counts.';
COMMENT ON COLUMN verdicts.check_key IS 'name and digest of the settings; a person''s: person and a number that counts up';
COMMENT ON COLUMN verdicts.reason IS 'reason code, ''ok'' when passed; a person''s may be ''edited'' or, where it no longer counts, ''withdrawn''';
COMMENT ON COLUMN verdicts.detail IS 'for a person, or by one';
COMMENT ON COLUMN verdicts.judged_at IS 'UTC; of a person''s verdicts only';

ALTER TABLE samples ADD COLUMN edited_from VARCHAR;
COMMENT ON COLUMN samples.edited_from IS 'the machine-made sample that a person''s edits began with; empty where nobody edited';

CREATE TABLE uncertainty (
    request_key VARCHAR NOT NULL,
    tokens BIGINT NOT NULL,
    mean_logprob DOUBLE NOT NULL,
    lowest_logprob DOUBLE NOT NULL,
    mean_entropy DOUBLE,
    highest_entropy DOUBLE,
    mean_margin DOUBLE,
    lowest_margin DOUBLE
);
COMMENT ON TABLE uncertainty IS 'How sure the teacher was of each answer that has logprobs; worked out of generations when they are written.';
COMMENT ON COLUMN uncertainty.tokens IS 'tokens of the answer';
COMMENT ON COLUMN uncertainty.mean_logprob IS 'natural logarithm of the drawn token''s probability, mean over the tokens';
COMMENT ON COLUMN uncertainty.lowest_logprob IS 'the same of the least likely token';
COMMENT ON COLUMN uncertainty.mean_entropy IS 'nats, mean over the tokens; what is outside the stored top-k counts as one token, so it is a lower bound';
COMMENT ON COLUMN uncertainty.highest_entropy IS 'the same of the least certain token';
COMMENT ON COLUMN uncertainty.mean_margin IS 'logarithm of how much likelier the first choice was than the second, mean over the tokens';
COMMENT ON COLUMN uncertainty.lowest_margin IS 'the same of the closest choice';
