-- The tables and views of factory.duckdb. Written by: python -m factory.store.schema > schemas/store.sql
-- Comments can be asked for as well: SELECT table_name, column_name, comment FROM duckdb_columns()

CREATE TABLE artifact_samples (
    artifact_id VARCHAR,
    sample_id VARCHAR,
    "role" VARCHAR,
    batch BIGINT NOT NULL,
    PRIMARY KEY(artifact_id, sample_id, "role")
);
COMMENT ON TABLE artifact_samples IS 'Which model learnt from, or was calibrated on, which sample.';
COMMENT ON COLUMN artifact_samples."role" IS 'train, calibrate';

CREATE TABLE artifacts (
    artifact_id VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    "name" VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    weight_bytes BIGINT NOT NULL,
    parents VARCHAR[] NOT NULL,
    about JSON NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE artifacts IS 'Models: those that were used and those that were made.';
COMMENT ON COLUMN artifacts.kind IS 'model, adapter, merged, quantized';
COMMENT ON COLUMN artifacts.path IS 'relative to the workspace where it lies inside';
COMMENT ON COLUMN artifacts.digest IS 'covers every file; factory doctor proves it';
COMMENT ON COLUMN artifacts.weight_bytes IS 'sum of its safetensors files';
COMMENT ON COLUMN artifacts.parents IS 'ids of the models that it was made from';
COMMENT ON COLUMN artifacts.about IS 'the settings that it was made with';

CREATE TABLE attempts (
    request_key VARCHAR,
    attempt BIGINT,
    endpoint VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    "seconds" DOUBLE NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(request_key, attempt)
);
COMMENT ON TABLE attempts IS 'Every sending of an answered request to a server, the last of them the one in generations. A teacher in the process has none.';
COMMENT ON COLUMN attempts.attempt IS 'which sending of the request, from 1';
COMMENT ON COLUMN attempts.endpoint IS 'URL of the server, without user and query';
COMMENT ON COLUMN attempts.outcome IS 'ok, timeout, connection, bad_answer, or http_ and the status';
COMMENT ON COLUMN attempts."seconds" IS 'from sending to the answer or the failure';
COMMENT ON COLUMN attempts.sent_at IS 'UTC';

CREATE TABLE batches (
    batch BIGINT PRIMARY KEY,
    committed_at TIMESTAMP NOT NULL,
    "content" JSON NOT NULL
);
COMMENT ON TABLE batches IS 'One row for each committed transaction; the ledger beside the store says the same.';
COMMENT ON COLUMN batches."content" IS 'per table: number of rows and digest, the same as in the ledger';

CREATE TABLE evaluations (
    evaluation_id VARCHAR,
    artifact_id VARCHAR NOT NULL,
    "role" VARCHAR NOT NULL,
    metric VARCHAR,
    "value" DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    n BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(evaluation_id, metric)
);
COMMENT ON TABLE evaluations IS 'Every figure that was measured of a model, with its interval.';
COMMENT ON COLUMN evaluations.evaluation_id IS 'content id of the model, the tasks and how they were put';
COMMENT ON COLUMN evaluations."role" IS 'teacher, base, student, student_quantized';
COMMENT ON COLUMN evaluations.low IS 'lower end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN evaluations.high IS 'upper end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN evaluations.n IS 'how many tasks or repetitions stand behind the value';

CREATE TABLE generations (
    request_key VARCHAR PRIMARY KEY,
    teacher VARCHAR NOT NULL,
    revision VARCHAR NOT NULL,
    template_digest VARCHAR NOT NULL,
    messages JSON NOT NULL,
    parameters JSON NOT NULL,
    "text" VARCHAR NOT NULL,
    finish_reason VARCHAR NOT NULL,
    "error" VARCHAR,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    token_ids INTEGER[],
    token_logprobs FLOAT[],
    topk_ids INTEGER[][],
    topk_logprobs FLOAT[][],
    attempts BIGINT NOT NULL,
    "seconds" DOUBLE NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE generations IS 'One answer of the teacher, with its distribution.';
COMMENT ON COLUMN generations.template_digest IS 'content id of the prompt template';
COMMENT ON COLUMN generations.messages IS 'as rendered, OpenAI form';
COMMENT ON COLUMN generations.parameters IS 'temperature, top_p, max_tokens, logprobs, seed, draw';
COMMENT ON COLUMN generations."text" IS 'as the teacher wrote it; lone surrogates are replaced by ?';
COMMENT ON COLUMN generations.finish_reason IS 'why the answer ended: stop, length, or error if there is none';
COMMENT ON COLUMN generations."error" IS 'why there is no answer; NULL if there is one';
COMMENT ON COLUMN generations.token_logprobs IS 'natural logarithm of each token, raw distribution: before temperature and grammar';
COMMENT ON COLUMN generations.topk_ids IS 'for each token of the answer, the ids of the k likeliest tokens, by rank';
COMMENT ON COLUMN generations.topk_logprobs IS 'natural logarithms of the same, raw distribution';
COMMENT ON COLUMN generations.attempts IS 'how often the request was sent';
COMMENT ON COLUMN generations."seconds" IS 'from sending to the last token';

CREATE TABLE migrations (
    number BIGINT PRIMARY KEY,
    "name" VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE migrations IS 'Which numbered migrations were applied; the views are b2:940c778e6077d4f5bde3ebc1bf7f83ab.';

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

CREATE TABLE predictions (
    evaluation_id VARCHAR,
    task_id VARCHAR,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    output VARCHAR NOT NULL,
    "call" JSON,
    result VARCHAR,
    parsed BOOLEAN NOT NULL,
    same_call BOOLEAN NOT NULL,
    right_answer BOOLEAN NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(evaluation_id, task_id)
);
COMMENT ON TABLE predictions IS 'What a model answered to each held-out task.';
COMMENT ON COLUMN predictions.parsed IS 'whether there is a call that fits the tools';
COMMENT ON COLUMN predictions.same_call IS 'whether the call is the reference''s';
COMMENT ON COLUMN predictions.right_answer IS 'whether the result is the reference''s';

CREATE TABLE requests (
    plan_id VARCHAR,
    "position" BIGINT,
    request_key VARCHAR NOT NULL,
    seed_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    draw BIGINT NOT NULL,
    "language" VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    sample_id VARCHAR,
    PRIMARY KEY(plan_id, "position")
);
COMMENT ON TABLE requests IS 'The plan: which task was put to the teacher, in which draw, and the answer that its sample was read out of.';
COMMENT ON COLUMN requests."position" IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN requests.request_key IS 'content id of model, revision, messages, schema, parameters and draw';
COMMENT ON COLUMN requests.task_id IS 'content id of question and reference';
COMMENT ON COLUMN requests.draw IS 'how often the same question was put before, from 0';
COMMENT ON COLUMN requests.sample_id IS 'the sample that was read out of it; empty where an answer could have one sample only';

CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    started_at TIMESTAMP NOT NULL,
    command VARCHAR NOT NULL,
    recipe_name VARCHAR NOT NULL,
    recipe_digest VARCHAR NOT NULL,
    recipe_text VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    check_keys VARCHAR[] NOT NULL,
    machine JSON NOT NULL,
    versions JSON NOT NULL,
    batch BIGINT NOT NULL,
    wanted BIGINT
);
COMMENT ON TABLE runs IS 'What was asked for: recipe, plan and checks. The latest decides what the views show.';
COMMENT ON COLUMN runs.command IS 'what was typed';
COMMENT ON COLUMN runs.recipe_digest IS 'content id of the recipe''s values: comments and spaces do not change it';
COMMENT ON COLUMN runs.plan_id IS 'the requests that this run owes';
COMMENT ON COLUMN runs.check_keys IS 'the checks, with their settings, that a sample has to pass in this run';
COMMENT ON COLUMN runs.machine IS 'processor, cores, memory in bytes, instruction sets';
COMMENT ON COLUMN runs.versions IS 'the packages that decide a result';
COMMENT ON COLUMN runs.wanted IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';

CREATE TABLE samples (
    sample_id VARCHAR PRIMARY KEY,
    request_key VARCHAR NOT NULL,
    seed_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    "language" VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    messages JSON,
    tools JSON NOT NULL,
    "call" JSON,
    fault VARCHAR,
    result VARCHAR,
    rationale VARCHAR,
    answer VARCHAR,
    content_id VARCHAR NOT NULL,
    parents VARCHAR[] NOT NULL,
    batch BIGINT NOT NULL,
    "family" VARCHAR,
    "input" VARCHAR
);
COMMENT ON TABLE samples IS 'What was read out of an answer: question, call, result, answer. Rejected ones stay.';
COMMENT ON COLUMN samples.request_key IS 'the answer that it was read out of; other turns stand in turns';
COMMENT ON COLUMN samples.question IS 'the question, or the instruction';
COMMENT ON COLUMN samples.messages IS 'question, call, result, answer, OpenAI form; NULL if there is no call to speak of';
COMMENT ON COLUMN samples.tools IS 'the tools that were offered, OpenAI form';
COMMENT ON COLUMN samples."call" IS '{"name", "arguments"} as parsed, or a list of steps, each a list of calls';
COMMENT ON COLUMN samples.fault IS 'reason code why there is no call, or no result';
COMMENT ON COLUMN samples.result IS 'what the tool returned; in steps, JSON of the results of each step';
COMMENT ON COLUMN samples.rationale IS 'reasoning before the answer; NULL where the kind of task has none';
COMMENT ON COLUMN samples.content_id IS 'equal for samples that say the same';
COMMENT ON COLUMN samples.parents IS 'ids of the seeds and samples that it was made from';
COMMENT ON COLUMN samples."input" IS 'the material that an instruction is about, often empty';

CREATE TABLE seeds (
    seed_id VARCHAR PRIMARY KEY,
    "name" VARCHAR NOT NULL,
    "language" VARCHAR NOT NULL,
    "family" VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    "source" VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    "input" VARCHAR,
    rationale VARCHAR
);
COMMENT ON TABLE seeds IS 'The tasks written by hand that everything starts from.';
COMMENT ON COLUMN seeds.seed_id IS 'content id of the seed';
COMMENT ON COLUMN seeds."name" IS 'its id in the file';
COMMENT ON COLUMN seeds."family" IS 'kind of task within the seeds';
COMMENT ON COLUMN seeds.reference IS 'what is right: an expression, steps of calls as JSON, a final answer, an example answer';
COMMENT ON COLUMN seeds."source" IS 'file';
COMMENT ON COLUMN seeds."input" IS 'the material that an instruction is about';
COMMENT ON COLUMN seeds.rationale IS 'reasoning before the final answer';

CREATE TABLE stages (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    "seconds" DOUBLE NOT NULL,
    peak_memory_bytes BIGINT NOT NULL,
    detail VARCHAR NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE stages IS 'Time and memory of each finished stage.';
COMMENT ON COLUMN stages.peak_memory_bytes IS 'most memory the process had resident';
COMMENT ON COLUMN stages.detail IS 'the line that sums the stage up';

CREATE TABLE training_log (
    artifact_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    metric VARCHAR NOT NULL,
    "value" DOUBLE NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE training_log IS 'What was measured while a model was trained.';

CREATE TABLE turns (
    plan_id VARCHAR,
    "position" BIGINT,
    turn BIGINT,
    request_key VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(plan_id, "position", turn)
);
COMMENT ON TABLE turns IS 'Every answer that a sample took, where it took more than one.';
COMMENT ON COLUMN turns."position" IS 'place of the sample in the plan, as in requests';
COMMENT ON COLUMN turns.turn IS 'which answer of the sample, from 0';

CREATE TABLE verdicts (
    sample_id VARCHAR,
    check_key VARCHAR,
    check_name VARCHAR NOT NULL,
    passed BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,
    score DOUBLE,
    detail VARCHAR,
    batch BIGINT NOT NULL,
    PRIMARY KEY(sample_id, check_key)
);
COMMENT ON TABLE verdicts IS 'What each check says of each sample, and why.';
COMMENT ON COLUMN verdicts.check_key IS 'name and digest of the settings';
COMMENT ON COLUMN verdicts.reason IS 'reason code, ''ok'' when passed';
COMMENT ON COLUMN verdicts.score IS 'where the check has one, such as a similarity';
COMMENT ON COLUMN verdicts.detail IS 'for a person';

-- The views a person starts from. They hold no data and are made again whenever this file changes.

CREATE OR REPLACE VIEW current_run AS
    SELECT * FROM runs ORDER BY batch DESC LIMIT 1;
COMMENT ON VIEW current_run IS 'The latest run; its plan and checks decide what training_set and rejected show.';

CREATE OR REPLACE VIEW current_samples AS
    SELECT s.*, p.position, p.draw, r.run_id, r.check_keys, r.wanted
    FROM samples s
    CROSS JOIN current_run r
    JOIN requests p ON p.plan_id = r.plan_id AND p.request_key = s.request_key AND coalesce(p.sample_id, s.sample_id) = s.sample_id;
COMMENT ON VIEW current_samples IS 'The samples of the current plan, in no order; position is the place in the plan.';

CREATE OR REPLACE VIEW current_verdicts AS
    SELECT v.*
    FROM verdicts v
    CROSS JOIN current_run r
    WHERE list_contains(r.check_keys, v.check_key);
COMMENT ON VIEW current_verdicts IS 'The verdicts of the checks as the current run sets them.';

CREATE OR REPLACE VIEW training_set AS
    SELECT s.sample_id, s.position, s.kind, s.language, coalesce(s.family, d.family) AS family, s.question,
           coalesce(s.input, '') AS input, s.reference, s.call, s.result, s.rationale, s.answer, s.messages, s.tools, s.content_id,
           d.name AS seed, s.seed_id, s.task_id, g.teacher, g.revision AS teacher_revision, g.template_digest, s.request_key,
           g.completion_tokens, len(g.topk_ids) AS topk_tuples, v.verdicts
    FROM current_samples s
    JOIN seeds d USING (seed_id)
    JOIN generations g USING (request_key)
    JOIN (
        SELECT sample_id, bool_and(passed) AS passed, count(*) AS checks,
               list({'check': check_name, 'passed': passed, 'reason': reason} ORDER BY check_name) AS verdicts
        FROM current_verdicts GROUP BY sample_id
    ) v USING (sample_id)
    WHERE v.passed AND v.checks = len(s.check_keys)
    QUALIFY s.wanted IS NULL OR row_number() OVER (ORDER BY s.position) <= s.wanted;
COMMENT ON VIEW training_set IS 'Samples that passed every check of the current run, as many as it asks for, each with its pedigree.';

CREATE OR REPLACE VIEW rejected AS
    SELECT s.sample_id, s.position, s.language, s.question, s.reference, g.text, s.call, s.result, s.answer,
           v.check_name, v.reason, v.detail, d.name AS seed, s.request_key
    FROM current_samples s
    JOIN current_verdicts v USING (sample_id)
    JOIN seeds d USING (seed_id)
    JOIN generations g USING (request_key)
    WHERE NOT v.passed;
COMMENT ON VIEW rejected IS 'One row for each failed verdict: which sample, which check, why.';

CREATE OR REPLACE VIEW yield_by_check AS
    SELECT check_name, reason, passed, samples, round(samples / sum(samples) OVER (PARTITION BY check_name), 4) AS share
    FROM (
        SELECT v.check_name, v.reason, v.passed, count(*) AS samples
        FROM current_samples s JOIN current_verdicts v USING (sample_id)
        GROUP BY v.check_name, v.reason, v.passed
    )
    ORDER BY check_name, samples DESC;
COMMENT ON VIEW yield_by_check IS 'How many samples each check passed and failed, by reason.';

CREATE OR REPLACE VIEW lineage AS
    SELECT a.artifact_id, a.kind, a.name AS artifact, a.parents, l.role, l.sample_id, s.request_key, s.seed_id, d.name AS seed, g.teacher
    FROM artifacts a
    JOIN artifact_samples l USING (artifact_id)
    JOIN samples s USING (sample_id)
    JOIN seeds d USING (seed_id)
    JOIN generations g USING (request_key);
COMMENT ON VIEW lineage IS 'Which model learnt from, or was calibrated on, which sample, seed and teacher.';

CREATE OR REPLACE VIEW teacher_uncertainty AS
    SELECT request_key, teacher, completion_tokens,
           round(list_sum(token_logprobs) / completion_tokens, 4) AS mean_logprob,
           round(list_min(token_logprobs), 4) AS lowest_logprob,
           round(list_avg(list_transform(topk_logprobs, lambda x: x[1] - x[2])), 4) AS mean_margin,
           text
    FROM generations
    WHERE token_logprobs IS NOT NULL AND completion_tokens > 0 AND len(topk_logprobs[1]) > 1;
COMMENT ON VIEW teacher_uncertainty IS 'Where the teacher hesitated: mean and lowest raw logprob (nats), mean margin between its first two choices.';

CREATE OR REPLACE VIEW near_duplicates AS
    SELECT content_id, count(*) AS samples, min(question) AS question, list(sample_id ORDER BY position) AS sample_ids
    FROM current_samples GROUP BY content_id HAVING count(*) > 1 ORDER BY samples DESC;
COMMENT ON VIEW near_duplicates IS 'Samples that say the same after normalisation of case, spaces and punctuation.';

CREATE OR REPLACE VIEW throughput AS
    SELECT teacher, count(*) AS answers, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
           min(finished_at) AS first_at, max(finished_at) AS last_at,
           round(sum(completion_tokens) / nullif(epoch(max(finished_at) - min(finished_at)), 0), 1) AS tokens_per_s
    FROM generations GROUP BY teacher;
COMMENT ON VIEW throughput IS 'Answers and completion tokens per second, from the first answer to the last (pauses included).';

CREATE OR REPLACE VIEW leaderboard AS
    SELECT e.role, a.name AS artifact, e.metric, e.value, e.low, e.high, e.n, e.evaluation_id
    FROM evaluations e JOIN artifacts a USING (artifact_id)
    ORDER BY e.metric, e.value DESC;
COMMENT ON VIEW leaderboard IS 'Every measured figure of every model, best first.';
