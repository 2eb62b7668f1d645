-- Every figure says how it is read. Both columns are empty in rows that were there before.

ALTER TABLE evaluations ADD COLUMN unit VARCHAR;
ALTER TABLE evaluations ADD COLUMN better VARCHAR;
COMMENT ON COLUMN evaluations.metric IS 'what was measured, such as answer_accuracy or tokens_per_s_batch_32';
COMMENT ON COLUMN evaluations.value IS 'in its unit';
COMMENT ON COLUMN evaluations.unit IS 'share (of 1), bytes, s or another; NULL in rows of an older factory, where the metric''s name ends with it';
COMMENT ON COLUMN evaluations.better IS 'higher or lower; NULL in rows of an older factory';
