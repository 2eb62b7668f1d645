-- Samples that are held to labels or to a schema, and how sure a model was of its answer. Both are empty in rows that were there before.

ALTER TABLE samples ADD COLUMN form JSON;
COMMENT ON COLUMN samples.form IS 'what the answer was held to: the labels of a text, the JSON Schema of its fields; empty for other kinds';
COMMENT ON COLUMN samples.kind IS 'what a sample is, such as tool_call or label';
COMMENT ON COLUMN predictions.result IS 'what the tool returned to that call, or what was read out of the answer';
COMMENT ON COLUMN predictions.parsed IS 'whether the answer is readable: a call that fits the tools, a label, fields that fit the schema';
ALTER TABLE predictions ADD COLUMN confidence DOUBLE;
COMMENT ON COLUMN predictions.confidence IS 'probability of the written label among all labels; empty where it is not known, and for other kinds';
