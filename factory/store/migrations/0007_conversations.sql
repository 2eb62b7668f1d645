-- Where each turn of the assistant's comes from. Empty in rows that were there before: there it follows from calls and answers.

ALTER TABLE samples ADD COLUMN origins JSON;
COMMENT ON COLUMN samples.origins IS 'of each message of the assistant: by (teacher, template, person), request_key where it is an answer, learnt where it is not learnt; NULL in rows of an older factory';
