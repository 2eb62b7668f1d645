-- Rationales, instructions and tool calls in several turns. Columns that are added are empty in rows that were there before.

ALTER TABLE runs ADD COLUMN wanted BIGINT;
COMMENT ON COLUMN runs.wanted IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';

ALTER TABLE seeds ADD COLUMN input VARCHAR;
ALTER TABLE seeds ADD COLUMN rationale VARCHAR;
COMMENT ON COLUMN seeds.reference IS 'what is right: an expression, steps of calls as JSON, a final answer, an example answer';
COMMENT ON COLUMN seeds.input IS 'the material that an instruction is about';
COMMENT ON COLUMN seeds.rationale IS 'reasoning before the final answer';

COMMENT ON TABLE requests IS 'The plan: which task was put to the teacher, in which draw, and the answer that its sample was read out of.';
ALTER TABLE requests ADD COLUMN sample_id VARCHAR;
COMMENT ON COLUMN requests.sample_id IS 'the sample that was read out of it; empty where an answer could have one sample only';
COMMENT ON COLUMN requests.position IS 'place of the sample in the plan, from 0';

CREATE TABLE turns (
    plan_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    request_key VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (plan_id, position, turn)
);
COMMENT ON TABLE turns IS 'Every answer that a sample took, where it took more than one.';
COMMENT ON COLUMN turns.position IS 'place of the sample in the plan, as in requests';
COMMENT ON COLUMN turns.turn IS 'which answer of the sample, from 0';

CREATE TABLE plan_ends (
    plan_id VARCHAR NOT NULL,
    target_id VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    accepted BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE plan_ends IS 'Why the making of data came to its end: enough was accepted, the budget was used up, the seeds gave no more.';
COMMENT ON COLUMN plan_ends.target_id IS 'content id of the wanted number, the budget and the checks';
COMMENT ON COLUMN plan_ends.tokens IS 'of prompts and answers together';

ALTER TABLE samples ADD COLUMN family VARCHAR;
ALTER TABLE samples ADD COLUMN input VARCHAR;
COMMENT ON COLUMN samples.request_key IS 'the answer that it was read out of; other turns stand in turns';
COMMENT ON COLUMN samples.question IS 'the question, or the instruction';
COMMENT ON COLUMN samples.input IS 'the material that an instruction is about, often empty';
COMMENT ON COLUMN samples.call IS '{"name", "arguments"} as parsed, or a list of steps, each a list of calls';
COMMENT ON COLUMN samples.result IS 'what the tool returned; in steps, JSON of the results of each step';

CREATE TABLE attempts (
    request_key VARCHAR NOT NULL,
    attempt BIGINT NOT NULL,
    endpoint VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (request_key, attempt)
);
COMMENT ON TABLE attempts IS 'Every sending of an answered request to a server, the last of them the one in generations. A teacher in the process has none.';
COMMENT ON COLUMN attempts.attempt IS 'which sending of the request, from 1';
COMMENT ON COLUMN attempts.endpoint IS 'URL of the server, without user and query';
COMMENT ON COLUMN attempts.outcome IS 'ok, timeout, connection, bad_answer, or http_ and the status';
COMMENT ON COLUMN attempts.seconds IS 'from sending to the answer or the failure';
COMMENT ON COLUMN attempts.sent_at IS 'UTC';
