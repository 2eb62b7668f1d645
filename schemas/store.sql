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
COMMENT ON COLUMN artifact_samples.artifact_id IS 'the model';
COMMENT ON COLUMN artifact_samples.sample_id IS 'the sample';
COMMENT ON COLUMN artifact_samples."role" IS 'train, validation, calibrate';
COMMENT ON COLUMN artifact_samples.batch IS 'the transaction that brought the row';

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
COMMENT ON COLUMN artifacts.artifact_id IS 'content id of what the model was made from and how';
COMMENT ON COLUMN artifacts.kind IS 'model, adapter, merged, quantized';
COMMENT ON COLUMN artifacts."name" IS 'as commands and recipes call it';
COMMENT ON COLUMN artifacts.path IS 'relative to the workspace where it lies inside';
COMMENT ON COLUMN artifacts.digest IS 'covers every file; factory doctor proves it';
COMMENT ON COLUMN artifacts.weight_bytes IS 'sum of its safetensors files';
COMMENT ON COLUMN artifacts.parents IS 'ids of the models that it was made from';
COMMENT ON COLUMN artifacts.about IS 'the settings that it was made with';
COMMENT ON COLUMN artifacts.batch IS 'the transaction that brought the row';

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
COMMENT ON COLUMN attempts.request_key IS 'the request that was sent';
COMMENT ON COLUMN attempts.attempt IS 'which sending of the request, from 1';
COMMENT ON COLUMN attempts.endpoint IS 'URL of the server, without user and query';
COMMENT ON COLUMN attempts.outcome IS 'ok, timeout, connection, bad_answer, or http_ and the status';
COMMENT ON COLUMN attempts."seconds" IS 'from sending to the answer or the failure';
COMMENT ON COLUMN attempts.sent_at IS 'UTC';
COMMENT ON COLUMN attempts.batch IS 'the transaction that brought the row';

CREATE TABLE batches (
    batch BIGINT PRIMARY KEY,
    committed_at TIMESTAMP NOT NULL,
    "content" JSON NOT NULL
);
COMMENT ON TABLE batches IS 'One row for each committed transaction; the ledger beside the store says the same.';
COMMENT ON COLUMN batches.batch IS 'number of the transaction, from 1';
COMMENT ON COLUMN batches.committed_at IS 'UTC';
COMMENT ON COLUMN batches."content" IS 'per table: number of rows and digest, the same as in the ledger; plan_items is called requests there';

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
    unit VARCHAR,
    better VARCHAR,
    PRIMARY KEY(evaluation_id, metric)
);
COMMENT ON TABLE evaluations IS 'Every figure that was measured of a model, with its interval.';
COMMENT ON COLUMN evaluations.evaluation_id IS 'content id of the model, the tasks and how they were put';
COMMENT ON COLUMN evaluations.artifact_id IS 'the model that was measured';
COMMENT ON COLUMN evaluations."role" IS 'teacher, base, student, student_quantized, student_recovered';
COMMENT ON COLUMN evaluations.metric IS 'what was measured, such as answer_accuracy or tokens_per_s_batch_32';
COMMENT ON COLUMN evaluations."value" IS 'in its unit';
COMMENT ON COLUMN evaluations.low IS 'lower end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN evaluations.high IS 'upper end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN evaluations.n IS 'how many tasks or repetitions stand behind the value';
COMMENT ON COLUMN evaluations.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN evaluations.unit IS 'share (of 1), bytes, s or another; NULL in rows of an older factory, where the metric''s name ends with it';
COMMENT ON COLUMN evaluations.better IS 'higher or lower; NULL in rows of an older factory';

CREATE TABLE gates (
    artifact_id VARCHAR NOT NULL,
    baseline_id VARCHAR NOT NULL,
    accuracy_drop DOUBLE NOT NULL,
    max_accuracy_drop DOUBLE NOT NULL,
    passed BOOLEAN NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE gates IS 'Whether a compressed model may be the default. Of several rows on a model the latest counts; one without a row may.';
COMMENT ON COLUMN gates.artifact_id IS 'the compressed model';
COMMENT ON COLUMN gates.baseline_id IS 'the model that it was made from';
COMMENT ON COLUMN gates.accuracy_drop IS 'share of the held-out tasks: accuracy of the baseline less its own; negative where it does better';
COMMENT ON COLUMN gates.max_accuracy_drop IS 'what the recipe allows';
COMMENT ON COLUMN gates.passed IS 'whether accuracy_drop is at most that';
COMMENT ON COLUMN gates.batch IS 'the transaction that brought the row';

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
COMMENT ON COLUMN generations.request_key IS 'the request that it answers';
COMMENT ON COLUMN generations.teacher IS 'model that answered, as the recipe names it';
COMMENT ON COLUMN generations.revision IS 'which state of that model';
COMMENT ON COLUMN generations.template_digest IS 'content id of the prompt template';
COMMENT ON COLUMN generations.messages IS 'as rendered, OpenAI form';
COMMENT ON COLUMN generations.parameters IS 'temperature, top_p, max_tokens, logprobs, seed, draw';
COMMENT ON COLUMN generations."text" IS 'as the teacher wrote it; lone surrogates are replaced by ?';
COMMENT ON COLUMN generations.finish_reason IS 'why the answer ended: stop, length, or error if there is none';
COMMENT ON COLUMN generations."error" IS 'why there is no answer; NULL if there is one';
COMMENT ON COLUMN generations.prompt_tokens IS 'tokens of the prompt';
COMMENT ON COLUMN generations.completion_tokens IS 'tokens of the answer';
COMMENT ON COLUMN generations.token_ids IS 'the tokens of the answer';
COMMENT ON COLUMN generations.token_logprobs IS 'natural logarithm of each token, raw distribution: before temperature and grammar';
COMMENT ON COLUMN generations.topk_ids IS 'for each token of the answer, the ids of the k likeliest tokens, by rank';
COMMENT ON COLUMN generations.topk_logprobs IS 'natural logarithms of the same, raw distribution';
COMMENT ON COLUMN generations.attempts IS 'how often the request was sent';
COMMENT ON COLUMN generations."seconds" IS 'from sending to the last token';
COMMENT ON COLUMN generations.finished_at IS 'UTC, when the answer was there';
COMMENT ON COLUMN generations.batch IS 'the transaction that brought the row';

CREATE TABLE migrations (
    number BIGINT PRIMARY KEY,
    "name" VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE migrations IS 'Which numbered migrations were applied; the views are b2:fd615322f5cc0333a76ef4791562cdf5.';
COMMENT ON COLUMN migrations.number IS 'of the file, from 1';
COMMENT ON COLUMN migrations."name" IS 'of the file';
COMMENT ON COLUMN migrations.applied_at IS 'UTC';

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
COMMENT ON COLUMN plan_ends.plan_id IS 'the plan that ended';
COMMENT ON COLUMN plan_ends.target_id IS 'content id of the target count, the budget and the checks';
COMMENT ON COLUMN plan_ends.reason IS 'in words';
COMMENT ON COLUMN plan_ends.accepted IS 'samples that were accepted by then';
COMMENT ON COLUMN plan_ends.requests IS 'answers that it took';
COMMENT ON COLUMN plan_ends.tokens IS 'of prompts and answers together';
COMMENT ON COLUMN plan_ends.batch IS 'the transaction that brought the row';

CREATE TABLE plan_items (
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
COMMENT ON TABLE plan_items IS 'The plan: which task was put to the teacher, in which draw, and the answer that its sample was read out of.';
COMMENT ON COLUMN plan_items.plan_id IS 'the plan, as in runs';
COMMENT ON COLUMN plan_items."position" IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN plan_items.request_key IS 'content id of model, revision, messages, schema, parameters and draw';
COMMENT ON COLUMN plan_items.seed_id IS 'the seed that the task was made from';
COMMENT ON COLUMN plan_items.task_id IS 'content id of question and reference';
COMMENT ON COLUMN plan_items.draw IS 'how often the same question was put before, from 0';
COMMENT ON COLUMN plan_items."language" IS 'of the question';
COMMENT ON COLUMN plan_items.question IS 'the question, or the instruction';
COMMENT ON COLUMN plan_items.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN plan_items.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN plan_items.sample_id IS 'the sample that was read out of it; empty where an answer could have one sample only';

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
    right_answer BOOLEAN,
    batch BIGINT NOT NULL,
    confidence DOUBLE,
    "input" VARCHAR,
    PRIMARY KEY(evaluation_id, task_id)
);
COMMENT ON TABLE predictions IS 'What a model answered to each held-out task.';
COMMENT ON COLUMN predictions.evaluation_id IS 'the measurement, as in evaluations';
COMMENT ON COLUMN predictions.task_id IS 'content id of question and reference';
COMMENT ON COLUMN predictions.question IS 'of the held-out task';
COMMENT ON COLUMN predictions.reference IS 'what is right, or an example of it; empty where there is none';
COMMENT ON COLUMN predictions.output IS 'as the model wrote it';
COMMENT ON COLUMN predictions."call" IS 'the call that was read out of it';
COMMENT ON COLUMN predictions.result IS 'what the tool returned to that call, or what was read out of the answer';
COMMENT ON COLUMN predictions.parsed IS 'whether the answer is readable: a call that fits the tools, a label, fields that fit the schema';
COMMENT ON COLUMN predictions.same_call IS 'whether the call is the reference''s';
COMMENT ON COLUMN predictions.right_answer IS 'whether the result is the reference''s; empty where no answer is the right one: preferences has those';
COMMENT ON COLUMN predictions.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN predictions.confidence IS 'probability of the written label among all labels; empty where it is not known, and for other kinds';
COMMENT ON COLUMN predictions."input" IS 'the material that an instruction is about; empty where there is none';

CREATE TABLE preferences (
    evaluation_id VARCHAR,
    task_id VARCHAR,
    judge VARCHAR NOT NULL,
    against VARCHAR,
    as_first VARCHAR,
    as_second VARCHAR,
    credit DOUBLE NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(evaluation_id, task_id)
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

CREATE TABLE run_sources (
    run_id VARCHAR,
    place BIGINT,
    "source" VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    check_keys VARCHAR[] NOT NULL,
    target_count BIGINT,
    weight DOUBLE NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(run_id, place)
);
COMMENT ON TABLE run_sources IS 'The sources of data of a run whose recipe lists several, in its order.';
COMMENT ON COLUMN run_sources.run_id IS 'the run, as in runs';
COMMENT ON COLUMN run_sources.place IS 'place of the source in the recipe, from 0';
COMMENT ON COLUMN run_sources."source" IS 'what the recipe calls it';
COMMENT ON COLUMN run_sources.kind IS 'what a sample of it is';
COMMENT ON COLUMN run_sources.plan_id IS 'its plan, as in plan_items';
COMMENT ON COLUMN run_sources.check_keys IS 'the checks, with their settings, that a sample of it has to pass';
COMMENT ON COLUMN run_sources.target_count IS 'how many accepted samples of it are asked for';
COMMENT ON COLUMN run_sources.weight IS 'what a token of its rows counts in training';
COMMENT ON COLUMN run_sources.batch IS 'the transaction that brought the row';

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
    target_count BIGINT
);
COMMENT ON TABLE runs IS 'What was asked for: recipe, plan and checks. The latest decides what the views show.';
COMMENT ON COLUMN runs.run_id IS 'content id of recipe, plan and time';
COMMENT ON COLUMN runs.started_at IS 'UTC';
COMMENT ON COLUMN runs.command IS 'what was typed';
COMMENT ON COLUMN runs.recipe_name IS 'the name in the recipe';
COMMENT ON COLUMN runs.recipe_digest IS 'content id of the recipe''s values: comments and spaces do not change it';
COMMENT ON COLUMN runs.recipe_text IS 'the recipe as it was written';
COMMENT ON COLUMN runs.plan_id IS 'the plan, as in plan_items';
COMMENT ON COLUMN runs.check_keys IS 'the checks, with their settings, that a sample has to pass in this run';
COMMENT ON COLUMN runs.machine IS 'processor, cores, memory in bytes, instruction sets';
COMMENT ON COLUMN runs.versions IS 'the packages that decide a result';
COMMENT ON COLUMN runs.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN runs.target_count IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';

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
    dedup_key VARCHAR NOT NULL,
    parents VARCHAR[] NOT NULL,
    batch BIGINT NOT NULL,
    "family" VARCHAR,
    "input" VARCHAR,
    edited_from VARCHAR,
    origins JSON,
    form JSON
);
COMMENT ON TABLE samples IS 'What was read out of an answer: question, call, result, answer. Rejected ones stay.';
COMMENT ON COLUMN samples.sample_id IS 'content id of the answers that it took and of what was made of them';
COMMENT ON COLUMN samples.request_key IS 'the answer that it was read out of; other turns stand in turns';
COMMENT ON COLUMN samples.seed_id IS 'the seed that its task was made from';
COMMENT ON COLUMN samples.task_id IS 'content id of question and reference';
COMMENT ON COLUMN samples.kind IS 'what a sample is, such as tool_call or label';
COMMENT ON COLUMN samples."language" IS 'of the question';
COMMENT ON COLUMN samples.question IS 'the question, or the instruction';
COMMENT ON COLUMN samples.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN samples.messages IS 'question, call, result, answer, OpenAI form; NULL if there is no call to speak of';
COMMENT ON COLUMN samples.tools IS 'the tools that were offered, OpenAI form';
COMMENT ON COLUMN samples."call" IS '{"name", "arguments"} as parsed, or a list of steps, each a list of calls';
COMMENT ON COLUMN samples.fault IS 'reason code why there is no call, or no result';
COMMENT ON COLUMN samples.result IS 'what the tool returned; in steps, JSON of the results of each step';
COMMENT ON COLUMN samples.rationale IS 'reasoning before the answer; NULL where the kind of task has none';
COMMENT ON COLUMN samples.answer IS 'what is said to the user in the end';
COMMENT ON COLUMN samples.dedup_key IS 'equal for samples that say the same';
COMMENT ON COLUMN samples.parents IS 'ids of the seeds and samples that it was made from';
COMMENT ON COLUMN samples.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN samples."family" IS 'kind of task within the seeds';
COMMENT ON COLUMN samples."input" IS 'the material that an instruction is about, often empty';
COMMENT ON COLUMN samples.edited_from IS 'the machine-made sample that a person''s edits began with; empty where nobody edited';
COMMENT ON COLUMN samples.origins IS 'of each message of the assistant: by (teacher, template, person), request_key where it is an answer, learnt where it is not learnt; NULL in rows of an older factory';
COMMENT ON COLUMN samples.form IS 'what the answer was held to: the labels of a text, the JSON Schema of its fields; empty for other kinds';

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
COMMENT ON COLUMN seeds."language" IS 'of the question';
COMMENT ON COLUMN seeds."family" IS 'kind of task within the seeds';
COMMENT ON COLUMN seeds.question IS 'the question, or the instruction';
COMMENT ON COLUMN seeds.reference IS 'what is right: an expression, steps of calls as JSON, a final answer, an example answer';
COMMENT ON COLUMN seeds."source" IS 'file';
COMMENT ON COLUMN seeds.line IS 'of the file, from 1';
COMMENT ON COLUMN seeds.batch IS 'the transaction that brought the row';
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
COMMENT ON COLUMN stages.run_id IS 'the run, as in runs';
COMMENT ON COLUMN stages.stage IS 'generate, check, distill, compress, evaluate, recover';
COMMENT ON COLUMN stages."seconds" IS 'wall time';
COMMENT ON COLUMN stages.peak_memory_bytes IS 'most memory the process had resident';
COMMENT ON COLUMN stages.detail IS 'the line that sums the stage up';
COMMENT ON COLUMN stages.batch IS 'the transaction that brought the row';

CREATE TABLE training_log (
    artifact_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    metric VARCHAR NOT NULL,
    "value" DOUBLE NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE training_log IS 'What was measured while a model was trained.';
COMMENT ON COLUMN training_log.artifact_id IS 'the model that was trained';
COMMENT ON COLUMN training_log.stage IS 'name of the training stage';
COMMENT ON COLUMN training_log.step IS 'optimizer steps before it';
COMMENT ON COLUMN training_log.metric IS 'loss, cross_entropy, divergence, learning_rate, grad_norm';
COMMENT ON COLUMN training_log."value" IS 'as the trainer gave it';
COMMENT ON COLUMN training_log.batch IS 'the transaction that brought the row';

CREATE TABLE trials (
    search_id VARCHAR,
    number BIGINT,
    choice JSON NOT NULL,
    recipe_text VARCHAR NOT NULL,
    artifact_id VARCHAR,
    evaluation_id VARCHAR,
    failure VARCHAR,
    "seconds" DOUBLE NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(search_id, number)
);
COMMENT ON TABLE trials IS 'What factory search tried; the figures of each are in evaluations.';
COMMENT ON COLUMN trials.search_id IS 'content id of the recipe without its limits, and of what can be chosen';
COMMENT ON COLUMN trials.number IS 'in the order in which they were tried, from 1';
COMMENT ON COLUMN trials.choice IS 'what was chosen, by name';
COMMENT ON COLUMN trials.recipe_text IS 'a whole recipe: factory run makes the same student of it';
COMMENT ON COLUMN trials.artifact_id IS 'the student that came out; NULL if none did';
COMMENT ON COLUMN trials.evaluation_id IS 'its measurement, as in evaluations';
COMMENT ON COLUMN trials.failure IS 'why none came out; NULL if one did';
COMMENT ON COLUMN trials."seconds" IS 'wall time; little where the student was there already';
COMMENT ON COLUMN trials.batch IS 'the transaction that brought the row';

CREATE TABLE turns (
    plan_id VARCHAR,
    "position" BIGINT,
    turn BIGINT,
    request_key VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY(plan_id, "position", turn)
);
COMMENT ON TABLE turns IS 'Every answer that a sample took, where it took more than one.';
COMMENT ON COLUMN turns.plan_id IS 'the plan, as in runs';
COMMENT ON COLUMN turns."position" IS 'place of the sample in the plan, as in plan_items';
COMMENT ON COLUMN turns.turn IS 'which answer of the sample, from 0';
COMMENT ON COLUMN turns.request_key IS 'the answer, as in generations';
COMMENT ON COLUMN turns.batch IS 'the transaction that brought the row';

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
COMMENT ON COLUMN uncertainty.request_key IS 'the answer, as in generations';
COMMENT ON COLUMN uncertainty.tokens IS 'tokens of the answer';
COMMENT ON COLUMN uncertainty.mean_logprob IS 'natural logarithm of the drawn token''s probability, mean over the tokens';
COMMENT ON COLUMN uncertainty.lowest_logprob IS 'the same of the least likely token';
COMMENT ON COLUMN uncertainty.mean_entropy IS 'nats, mean over the tokens; what is outside the stored top-k counts as one token, so it is a lower bound';
COMMENT ON COLUMN uncertainty.highest_entropy IS 'the same of the least certain token';
COMMENT ON COLUMN uncertainty.mean_margin IS 'logarithm of how much likelier the first choice was than the second, mean over the tokens';
COMMENT ON COLUMN uncertainty.lowest_margin IS 'the same of the closest choice';

CREATE TABLE verdicts (
    sample_id VARCHAR,
    check_key VARCHAR,
    check_name VARCHAR NOT NULL,
    passed BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,
    score DOUBLE,
    detail VARCHAR,
    batch BIGINT NOT NULL,
    judged_at TIMESTAMP,
    undoes VARCHAR,
    PRIMARY KEY(sample_id, check_key)
);
COMMENT ON TABLE verdicts IS 'What each check, and each person, says of each sample, and why. Of a person''s rows on a sample the latest counts.';
COMMENT ON COLUMN verdicts.sample_id IS 'the sample that was judged';
COMMENT ON COLUMN verdicts.check_key IS 'name and digest of the settings; a person''s: person and a number that counts up';
COMMENT ON COLUMN verdicts.check_name IS 'the check, or person';
COMMENT ON COLUMN verdicts.passed IS 'whether the sample may stay';
COMMENT ON COLUMN verdicts.reason IS 'reason code, ''ok'' when passed; a person''s may be ''edited'' or, where it no longer counts, ''withdrawn''';
COMMENT ON COLUMN verdicts.score IS 'where the check has one, such as a similarity';
COMMENT ON COLUMN verdicts.detail IS 'for a person, or by one';
COMMENT ON COLUMN verdicts.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN verdicts.judged_at IS 'UTC; of a person''s verdicts only';
COMMENT ON COLUMN verdicts.undoes IS 'check_key of the person''s verdict that this row takes back; empty where it says something itself';

-- The views a person starts from. They hold no data and are made again whenever this file changes. They stay fast on a million samples: each
-- joins as few wide rows as it can, and none gathers lists over all samples.

CREATE OR REPLACE VIEW current_run AS
    SELECT * FROM runs ORDER BY batch DESC LIMIT 1;
COMMENT ON VIEW current_run IS 'The latest run; its plan and checks decide what the other views show.';
COMMENT ON COLUMN current_run.run_id IS 'content id of recipe, plan and time';
COMMENT ON COLUMN current_run.started_at IS 'UTC';
COMMENT ON COLUMN current_run.command IS 'what was typed';
COMMENT ON COLUMN current_run.recipe_name IS 'the name in the recipe';
COMMENT ON COLUMN current_run.recipe_digest IS 'content id of the recipe''s values: comments and spaces do not change it';
COMMENT ON COLUMN current_run.recipe_text IS 'the recipe as it was written';
COMMENT ON COLUMN current_run.plan_id IS 'the plan, as in plan_items';
COMMENT ON COLUMN current_run.check_keys IS 'the checks, with their settings, that a sample has to pass in this run';
COMMENT ON COLUMN current_run.machine IS 'processor, cores, memory in bytes, instruction sets';
COMMENT ON COLUMN current_run.versions IS 'the packages that decide a result';
COMMENT ON COLUMN current_run.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN current_run.target_count IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';

CREATE OR REPLACE VIEW current_sources AS
    SELECT s.place, s.source, s.kind, s.plan_id, s.check_keys, s.target_count, s.weight, r.run_id
    FROM run_sources s JOIN current_run r USING (run_id)
    UNION ALL
    SELECT 0, '', '', plan_id, check_keys, target_count, 1.0, run_id FROM current_run
    WHERE run_id NOT IN (SELECT run_id FROM run_sources);
COMMENT ON VIEW current_sources IS 'The sources of data of the latest run; one without a name where the recipe does not list several.';
COMMENT ON COLUMN current_sources.place IS 'place of the source in the recipe, from 0';
COMMENT ON COLUMN current_sources.source IS 'what the recipe calls it';
COMMENT ON COLUMN current_sources.kind IS 'what a sample of it is; empty for the only source';
COMMENT ON COLUMN current_sources.plan_id IS 'its plan, as in plan_items';
COMMENT ON COLUMN current_sources.check_keys IS 'the checks, with their settings, that a sample of it has to pass';
COMMENT ON COLUMN current_sources.target_count IS 'how many accepted samples of it are asked for; empty: all';
COMMENT ON COLUMN current_sources.weight IS 'what a token of its rows counts in training';
COMMENT ON COLUMN current_sources.run_id IS 'the run, as in runs';

CREATE OR REPLACE VIEW current_samples AS
    SELECT s.*, p.position, p.draw, r.run_id, r.check_keys, r.target_count, r.place
    FROM samples s
    CROSS JOIN current_sources r
    JOIN plan_items p ON p.plan_id = r.plan_id AND p.request_key = s.request_key
        AND coalesce(p.sample_id, s.edited_from, s.sample_id) = coalesce(s.edited_from, s.sample_id);
COMMENT ON VIEW current_samples IS 'The samples of the current plan, in no order; an edited one stands at the place of the one that it was made from.';
COMMENT ON COLUMN current_samples.sample_id IS 'content id of the answers that it took and of what was made of them';
COMMENT ON COLUMN current_samples.request_key IS 'the answer that it was read out of; other turns stand in turns';
COMMENT ON COLUMN current_samples.seed_id IS 'the seed that its task was made from';
COMMENT ON COLUMN current_samples.task_id IS 'content id of question and reference';
COMMENT ON COLUMN current_samples.kind IS 'what a sample is, such as tool_call or label';
COMMENT ON COLUMN current_samples.language IS 'of the question';
COMMENT ON COLUMN current_samples.question IS 'the question, or the instruction';
COMMENT ON COLUMN current_samples.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN current_samples.messages IS 'question, call, result, answer, OpenAI form; NULL if there is no call to speak of';
COMMENT ON COLUMN current_samples.tools IS 'the tools that were offered, OpenAI form';
COMMENT ON COLUMN current_samples.call IS '{"name", "arguments"} as parsed, or a list of steps, each a list of calls';
COMMENT ON COLUMN current_samples.fault IS 'reason code why there is no call, or no result';
COMMENT ON COLUMN current_samples.result IS 'what the tool returned; in steps, JSON of the results of each step';
COMMENT ON COLUMN current_samples.rationale IS 'reasoning before the answer; NULL where the kind of task has none';
COMMENT ON COLUMN current_samples.answer IS 'what is said to the user in the end';
COMMENT ON COLUMN current_samples.dedup_key IS 'equal for samples that say the same';
COMMENT ON COLUMN current_samples.parents IS 'ids of the seeds and samples that it was made from';
COMMENT ON COLUMN current_samples.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN current_samples.family IS 'kind of task within the seeds';
COMMENT ON COLUMN current_samples.input IS 'the material that an instruction is about, often empty';
COMMENT ON COLUMN current_samples.edited_from IS 'the machine-made sample that a person''s edits began with; empty where nobody edited';
COMMENT ON COLUMN current_samples.origins IS 'where each turn of the assistant comes from, as in samples';
COMMENT ON COLUMN current_samples.form IS 'what the answer was held to: the labels of a text, the JSON Schema of its fields; empty for other kinds';
COMMENT ON COLUMN current_samples.position IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN current_samples.draw IS 'how often the same question was put before, from 0';
COMMENT ON COLUMN current_samples.run_id IS 'content id of recipe, plan and time';
COMMENT ON COLUMN current_samples.check_keys IS 'the checks, with their settings, that a sample has to pass in this run';
COMMENT ON COLUMN current_samples.target_count IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';
COMMENT ON COLUMN current_samples.place IS 'place of its source in the recipe, as in current_sources';

CREATE OR REPLACE VIEW current_verdicts AS
    SELECT v.*
    FROM verdicts v
    SEMI JOIN (SELECT unnest(check_keys) AS check_key FROM current_run) USING (check_key);
COMMENT ON VIEW current_verdicts IS 'The verdicts of the checks as the current run sets them; a person''s stand in person_verdicts.';
COMMENT ON COLUMN current_verdicts.sample_id IS 'the sample that was judged';
COMMENT ON COLUMN current_verdicts.check_key IS 'name and digest of the settings; a person''s: person and a number that counts up';
COMMENT ON COLUMN current_verdicts.check_name IS 'the check, or person';
COMMENT ON COLUMN current_verdicts.passed IS 'whether the sample may stay';
COMMENT ON COLUMN current_verdicts.reason IS 'reason code, ''ok'' when passed; a person''s may be ''edited'' or, where it no longer counts, ''withdrawn''';
COMMENT ON COLUMN current_verdicts.score IS 'where the check has one, such as a similarity';
COMMENT ON COLUMN current_verdicts.detail IS 'for a person, or by one';
COMMENT ON COLUMN current_verdicts.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN current_verdicts.judged_at IS 'UTC; of a person''s verdicts only';
COMMENT ON COLUMN current_verdicts.undoes IS 'check_key of the person''s verdict that this row takes back; empty where it says something itself';

CREATE OR REPLACE VIEW person_verdicts AS
    SELECT * FROM (
        SELECT sample_id, max(check_key) AS check_key, arg_max(passed, check_key) AS passed, arg_max(reason, check_key) AS reason,
               coalesce(arg_max_null(detail, check_key), '') AS note, arg_max_null(judged_at, check_key) AS judged_at
        FROM verdicts WHERE check_name = 'person' GROUP BY sample_id
    )
    WHERE reason <> 'withdrawn';
COMMENT ON VIEW person_verdicts IS 'What a person last said of a sample; it wins over the checks.';
COMMENT ON COLUMN person_verdicts.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN person_verdicts.check_key IS 'person and the number of the word that counts';
COMMENT ON COLUMN person_verdicts.passed IS 'whether the person accepts it';
COMMENT ON COLUMN person_verdicts.reason IS '''ok'' when accepted, else the person''s reason code';
COMMENT ON COLUMN person_verdicts.note IS 'in their words, often empty';
COMMENT ON COLUMN person_verdicts.judged_at IS 'UTC';

CREATE OR REPLACE VIEW decisions AS
    SELECT sample_id, s.position, s.request_key, s.seed_id, s.edited_from,
           -- What a person wrote, no check decides on: an edit that was taken back stands for nothing.
           coalesce(h.passed, s.edited_from IS NULL AND m.passed AND m.checks = len(s.check_keys), false) AS accepted,
           CASE WHEN h.passed IS NOT NULL THEN 'person'
                WHEN s.edited_from IS NOT NULL OR m.passed AND m.checks < len(s.check_keys) OR m.checks IS NULL THEN 'nobody yet'
                ELSE 'checks' END AS decided_by, place
    FROM current_samples s
    LEFT JOIN (
        SELECT v.sample_id, k.place, bool_and(v.passed) AS passed, count(*) AS checks
        FROM verdicts v JOIN (SELECT place, unnest(check_keys) AS check_key FROM current_sources) k USING (check_key)
        GROUP BY v.sample_id, k.place
    ) m USING (sample_id, place)
    LEFT JOIN person_verdicts h USING (sample_id);
COMMENT ON VIEW decisions IS 'Whether each sample of the current plan is accepted, and who decided it: a person, the checks, or nobody yet.';
COMMENT ON COLUMN decisions.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN decisions.position IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN decisions.request_key IS 'the answer that it was read out of, as in generations';
COMMENT ON COLUMN decisions.seed_id IS 'the seed, as in seeds';
COMMENT ON COLUMN decisions.edited_from IS 'the machine-made sample that a person''s edits began with; empty where nobody edited';
COMMENT ON COLUMN decisions.accepted IS 'whether it may be learnt from';
COMMENT ON COLUMN decisions.decided_by IS 'person, checks, or nobody yet';
COMMENT ON COLUMN decisions.place IS 'place of its source in the recipe, as in current_sources';

CREATE OR REPLACE VIEW training_set AS
    -- Materialized, so that all that is held of every sample is narrow; the wide rows pass by one at a time.
    WITH accepted AS MATERIALIZED (
        SELECT sample_id, c.place, c.source, c.weight, c.check_keys, c.position, d.name AS seed, d.family AS seed_family, g.teacher, g.revision,
               g.template_digest, g.completion_tokens, u.tokens
        FROM (
            SELECT sample_id, place, source, weight, check_keys, position, request_key, seed_id
            FROM decisions
            JOIN current_sources USING (place)
            WHERE accepted
            QUALIFY target_count IS NULL OR row_number() OVER (PARTITION BY place ORDER BY position) <= target_count
        ) c
        JOIN seeds d USING (seed_id)
        -- What a person wrote, no teacher answered.
        LEFT JOIN generations g USING (request_key)
        LEFT JOIN (SELECT request_key, tokens FROM uncertainty WHERE mean_entropy IS NOT NULL) u USING (request_key)
    )
    SELECT s.sample_id, a.position, s.kind, s.language, coalesce(s.family, a.seed_family) AS family, s.question,
           coalesce(s.input, '') AS input, s.reference, s.call, s.result, s.rationale, s.answer, s.messages, s.tools, s.dedup_key,
           a.seed, s.seed_id, s.task_id, a.teacher, a.revision AS teacher_revision, a.template_digest, s.request_key,
           a.completion_tokens, a.tokens AS topk_tuples, s.origins, a.place, a.source, a.weight,
           coalesce(h.verdicts, list_transform(a.check_keys, lambda key:
               {'check': regexp_extract(key, '^[^:@]*'), 'passed': true, 'reason': 'ok'})) AS verdicts
    FROM accepted a
    JOIN samples s USING (sample_id)
    LEFT JOIN (
        SELECT sample_id, list({'check': check_name, 'passed': passed, 'reason': reason} ORDER BY check_name) AS verdicts
        FROM (
            SELECT sample_id, v.check_name, v.passed, v.reason
            FROM person_verdicts
            JOIN verdicts v USING (sample_id)
            JOIN (SELECT unnest(check_keys) AS check_key FROM current_run) k ON k.check_key = v.check_key
            UNION ALL SELECT sample_id, 'person', passed, reason FROM person_verdicts
        )
        GROUP BY sample_id
    ) h USING (sample_id);
COMMENT ON VIEW training_set IS 'What a student learns from: accepted samples in the number that the run asks for, each with its pedigree.';
COMMENT ON COLUMN training_set.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN training_set.position IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN training_set.kind IS 'what a sample is, such as tool_call or label';
COMMENT ON COLUMN training_set.language IS 'of the question';
COMMENT ON COLUMN training_set.family IS 'kind of task within the seeds';
COMMENT ON COLUMN training_set.question IS 'the question, or the instruction';
COMMENT ON COLUMN training_set.input IS 'the material that an instruction is about, often empty';
COMMENT ON COLUMN training_set.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN training_set.call IS '{"name", "arguments"} as parsed, or a list of steps, each a list of calls';
COMMENT ON COLUMN training_set.result IS 'what the tool returned; in steps, JSON of the results of each step';
COMMENT ON COLUMN training_set.rationale IS 'reasoning before the answer; NULL where the kind of task has none';
COMMENT ON COLUMN training_set.answer IS 'what is said to the user in the end';
COMMENT ON COLUMN training_set.messages IS 'question, call, result, answer, OpenAI form; NULL if there is no call to speak of';
COMMENT ON COLUMN training_set.tools IS 'the tools that were offered, OpenAI form';
COMMENT ON COLUMN training_set.dedup_key IS 'equal for samples that say the same';
COMMENT ON COLUMN training_set.seed IS 'the seed''s name in its file';
COMMENT ON COLUMN training_set.seed_id IS 'the seed, as in seeds';
COMMENT ON COLUMN training_set.task_id IS 'content id of question and reference';
COMMENT ON COLUMN training_set.teacher IS 'model that answered, as the recipe names it; empty where a person wrote it';
COMMENT ON COLUMN training_set.teacher_revision IS 'which state of that model';
COMMENT ON COLUMN training_set.template_digest IS 'content id of the prompt template';
COMMENT ON COLUMN training_set.request_key IS 'the answer that it was read out of, as in generations';
COMMENT ON COLUMN training_set.completion_tokens IS 'tokens of the answer';
COMMENT ON COLUMN training_set.topk_tuples IS 'tokens of the answer whose likeliest alternatives are stored; empty where none are';
COMMENT ON COLUMN training_set.place IS 'place of its source in the recipe, as in current_sources';
COMMENT ON COLUMN training_set.source IS 'what the recipe calls its source; empty for the only one';
COMMENT ON COLUMN training_set.weight IS 'what a token of its rows counts in training';
COMMENT ON COLUMN training_set.origins IS 'where each turn of the assistant comes from, as in samples';
COMMENT ON COLUMN training_set.verdicts IS 'what each check, and a person, said: check, passed, reason';

CREATE OR REPLACE VIEW rejected AS
    SELECT s.sample_id, s.position, s.language, s.question, s.reference, g.text, s.call, s.result, s.answer,
           v.check_name, v.reason, v.detail, d.name AS seed, s.request_key
    FROM current_samples s
    JOIN (
        SELECT sample_id, check_name, reason, detail FROM current_verdicts
        SEMI JOIN (SELECT sample_id FROM samples WHERE edited_from IS NULL) USING (sample_id)
        WHERE NOT passed
        UNION ALL SELECT sample_id, 'person', reason, note FROM person_verdicts WHERE NOT passed
    ) v USING (sample_id)
    ANTI JOIN (SELECT sample_id FROM person_verdicts WHERE passed) USING (sample_id)
    JOIN seeds d USING (seed_id)
    LEFT JOIN generations g USING (request_key);
COMMENT ON VIEW rejected IS 'One row for each verdict, of a check or a person, that keeps a sample out: which, by whom, why.';
COMMENT ON COLUMN rejected.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN rejected.position IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN rejected.language IS 'of the question';
COMMENT ON COLUMN rejected.question IS 'the question, or the instruction';
COMMENT ON COLUMN rejected.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN rejected.text IS 'the teacher''s answer as it wrote it; empty where a person wrote it';
COMMENT ON COLUMN rejected.call IS '{"name", "arguments"} as parsed, or a list of steps, each a list of calls';
COMMENT ON COLUMN rejected.result IS 'what the tool returned; in steps, JSON of the results of each step';
COMMENT ON COLUMN rejected.answer IS 'what is said to the user in the end';
COMMENT ON COLUMN rejected.check_name IS 'the check that rejects it, or person';
COMMENT ON COLUMN rejected.reason IS 'reason code';
COMMENT ON COLUMN rejected.detail IS 'what the check found, or the note of the person';
COMMENT ON COLUMN rejected.seed IS 'the seed''s name in its file';
COMMENT ON COLUMN rejected.request_key IS 'the answer that it was read out of, as in generations';

CREATE OR REPLACE VIEW yield_by_check AS
    SELECT check_name, reason, passed, samples, round(samples / sum(samples) OVER (PARTITION BY check_name), 4) AS share
    FROM (
        SELECT v.check_name, v.reason, v.passed, count(*) AS samples
        FROM (
            -- What the checks say of a person's text is no figure of the teacher's.
            SELECT sample_id, check_name, reason, passed FROM current_verdicts
            SEMI JOIN (SELECT sample_id FROM samples WHERE edited_from IS NULL) USING (sample_id)
            UNION ALL SELECT sample_id, 'person', reason, passed FROM person_verdicts
        ) v
        SEMI JOIN current_samples USING (sample_id)
        GROUP BY v.check_name, v.reason, v.passed
    )
    ORDER BY check_name, samples DESC;
COMMENT ON VIEW yield_by_check IS 'How many samples each check, and a person, passed and failed, by reason.';
COMMENT ON COLUMN yield_by_check.check_name IS 'the check, or person';
COMMENT ON COLUMN yield_by_check.reason IS 'reason code, ''ok'' when passed';
COMMENT ON COLUMN yield_by_check.passed IS 'whether these may stay';
COMMENT ON COLUMN yield_by_check.samples IS 'how many';
COMMENT ON COLUMN yield_by_check.share IS 'of the check''s samples, from 0 to 1';

CREATE OR REPLACE VIEW judge_agreement AS
    -- What was not scored, or is a person's own text, the check cannot have judged.
    WITH pairs AS (
        SELECT sample_id, bool_and(v.passed) AS judge, any_value(h.passed) AS person
        FROM current_verdicts v JOIN person_verdicts h USING (sample_id)
        WHERE v.check_name = 'judge' AND v.score IS NOT NULL
        GROUP BY sample_id
    ), counts AS (
        SELECT count(*) AS n, count(*) FILTER (judge AND person) AS a, count(*) FILTER (NOT judge AND NOT person) AS r,
               count(*) FILTER (judge AND NOT person) AS j, count(*) FILTER (NOT judge AND person) AS p
        FROM pairs
    ), shares AS (
        SELECT *, (a + r) / n AS same, ((a + j) * (a + p) + (r + p) * (r + j)) / (n * n) AS chance FROM counts
    )
    SELECT n AS samples, a AS both_accept, r AS both_reject, j AS only_judge_accepts, p AS only_person_accepts,
           CASE WHEN n >= 10 THEN round(same, 4) END AS agreement,
           CASE WHEN n >= 10 AND chance < 1 THEN round((same - chance) / (1 - chance), 4) END AS kappa,
           CASE WHEN n < 10 THEN 'too few: of fewer than 10 samples nothing can be said'
                WHEN chance = 1 THEN 'no kappa: both said the same of every sample' ELSE '' END AS note
    FROM shares;
COMMENT ON VIEW judge_agreement IS 'How far the check judge, as the current run sets it, and a person agree on the samples that both have judged.';
COMMENT ON COLUMN judge_agreement.samples IS 'how many both have judged';
COMMENT ON COLUMN judge_agreement.both_accept IS 'how many of them both accept';
COMMENT ON COLUMN judge_agreement.both_reject IS 'how many both reject';
COMMENT ON COLUMN judge_agreement.only_judge_accepts IS 'how many the judge accepts and the person rejects';
COMMENT ON COLUMN judge_agreement.only_person_accepts IS 'how many the person accepts and the judge rejects';
COMMENT ON COLUMN judge_agreement.agreement IS 'share on which both say the same; empty below 10 samples';
COMMENT ON COLUMN judge_agreement.kappa IS 'Cohen''s kappa: agreement beyond chance, 1 at most; empty below 10 samples, or where both said the same of every sample';
COMMENT ON COLUMN judge_agreement.note IS 'why there is no kappa; empty where there is one';

CREATE OR REPLACE VIEW lineage AS
    WITH RECURSIVE ancestors(artifact_id, learner_id) USING KEY (artifact_id, learner_id) AS (
        SELECT artifact_id, artifact_id FROM artifacts
        UNION
        SELECT n.artifact_id, parent.id
        FROM ancestors n JOIN artifacts a ON a.artifact_id = n.learner_id CROSS JOIN unnest(a.parents) parent(id)
    )
    SELECT a.artifact_id, a.kind, a.name AS artifact, a.parents, l.role, l.artifact_id AS learner_id, l.sample_id, s.request_key, s.seed_id,
           d.name AS seed, d.question AS seed_question, g.teacher
    FROM (SELECT DISTINCT artifact_id, learner_id FROM ancestors) n
    JOIN artifacts a USING (artifact_id)
    JOIN artifact_samples l ON l.artifact_id = n.learner_id
    JOIN samples s USING (sample_id)
    JOIN seeds d USING (seed_id)
    LEFT JOIN (SELECT request_key, teacher FROM generations) g USING (request_key);
COMMENT ON VIEW lineage IS 'Which model learnt, itself or through the models it was made from, from which sample, seed and teacher.';
COMMENT ON COLUMN lineage.artifact_id IS 'the model';
COMMENT ON COLUMN lineage.kind IS 'of the model: model, pruned, tutor, adapter, merged, quantized';
COMMENT ON COLUMN lineage.artifact IS 'the model''s name';
COMMENT ON COLUMN lineage.parents IS 'the models that it was made from';
COMMENT ON COLUMN lineage.role IS 'what the sample was for: train, validation, calibrate';
COMMENT ON COLUMN lineage.learner_id IS 'the model that was given the sample: this one or one that it was made from';
COMMENT ON COLUMN lineage.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN lineage.request_key IS 'the answer that it was read out of, as in generations';
COMMENT ON COLUMN lineage.seed_id IS 'the seed, as in seeds';
COMMENT ON COLUMN lineage.seed IS 'the seed''s name in its file';
COMMENT ON COLUMN lineage.seed_question IS 'the seed''s question';
COMMENT ON COLUMN lineage.teacher IS 'model that answered, as the recipe names it; empty where a person wrote it';

CREATE OR REPLACE VIEW teacher_uncertainty AS
    SELECT s.sample_id, s.position, s.question, u.tokens, u.mean_entropy, u.highest_entropy, u.mean_margin, u.lowest_margin,
           u.mean_logprob, u.lowest_logprob, g.text, s.request_key
    FROM uncertainty u
    JOIN current_samples s USING (request_key)
    JOIN (SELECT request_key, text FROM generations) g USING (request_key)
    ORDER BY u.mean_entropy DESC NULLS LAST;
COMMENT ON VIEW teacher_uncertainty IS 'How sure the teacher was of each sample''s answer, the least sure first: entropy and margin in nats, raw logprobs.';
COMMENT ON COLUMN teacher_uncertainty.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN teacher_uncertainty.position IS 'place of the sample in the plan, from 0';
COMMENT ON COLUMN teacher_uncertainty.question IS 'the question, or the instruction';
COMMENT ON COLUMN teacher_uncertainty.tokens IS 'tokens of the answer';
COMMENT ON COLUMN teacher_uncertainty.mean_entropy IS 'nats, mean over the tokens; what is outside the stored top-k counts as one token, so it is a lower bound';
COMMENT ON COLUMN teacher_uncertainty.highest_entropy IS 'the same of the least certain token';
COMMENT ON COLUMN teacher_uncertainty.mean_margin IS 'logarithm of how much likelier the first choice was than the second, mean over the tokens';
COMMENT ON COLUMN teacher_uncertainty.lowest_margin IS 'the same of the closest choice';
COMMENT ON COLUMN teacher_uncertainty.mean_logprob IS 'natural logarithm of the drawn token''s probability, mean over the tokens';
COMMENT ON COLUMN teacher_uncertainty.lowest_logprob IS 'the same of the least likely token';
COMMENT ON COLUMN teacher_uncertainty.text IS 'the teacher''s answer as it wrote it';
COMMENT ON COLUMN teacher_uncertainty.request_key IS 'the answer that it was read out of, as in generations';

CREATE OR REPLACE VIEW token_uncertainty AS
    SELECT request_key, place, token_id, logprob, inside - if(outside > 0, outside * ln(outside), 0) AS entropy,
           top_logprobs[1] - top_logprobs[2] AS margin, top_ids, top_logprobs
    FROM (
        SELECT *, -list_sum(list_transform(top_logprobs, lambda top: if(isinf(top), 0, exp(top) * top))) AS inside,
               1 - list_sum(list_transform(top_logprobs, lambda top: exp(top))) AS outside
        FROM (
            SELECT request_key, unnest(range(1, len(token_logprobs) + 1)) AS place, unnest(token_ids) AS token_id,
                   unnest(token_logprobs) AS logprob, unnest(topk_ids) AS top_ids, unnest(topk_logprobs) AS top_logprobs
            FROM generations
        )
    );
COMMENT ON VIEW token_uncertainty IS 'Token by token of each answer: id, raw logprob, entropy in nats, margin, the alternatives.';
COMMENT ON COLUMN token_uncertainty.request_key IS 'the answer, as in generations';
COMMENT ON COLUMN token_uncertainty.place IS 'of the token in the answer, from 1';
COMMENT ON COLUMN token_uncertainty.token_id IS 'the token that was drawn';
COMMENT ON COLUMN token_uncertainty.logprob IS 'natural logarithm of its probability, raw distribution';
COMMENT ON COLUMN token_uncertainty.entropy IS 'nats; what is outside the stored top-k counts as one token, so it is a lower bound';
COMMENT ON COLUMN token_uncertainty.margin IS 'logarithm of how much likelier the first choice was than the second; empty where one choice is stored';
COMMENT ON COLUMN token_uncertainty.top_ids IS 'the likeliest tokens, by rank';
COMMENT ON COLUMN token_uncertainty.top_logprobs IS 'natural logarithms of their probabilities';

CREATE OR REPLACE VIEW disagreements AS
    SELECT task_id, any_value(s.question) AS question, any_value(s.reference) AS reference, count(*) AS draws,
           list(DISTINCT coalesce(s.result, s.answer, s.fault)) AS outcomes, count(*) FILTER (d.accepted) AS accepted
    FROM samples s
    SEMI JOIN (
        SELECT task_id
        FROM (SELECT task_id, coalesce(result, answer, fault) AS outcome FROM current_samples WHERE edited_from IS NULL)
        GROUP BY task_id
        HAVING min(outcome) <> max(outcome)
    ) USING (task_id)
    JOIN decisions d USING (sample_id)
    WHERE s.edited_from IS NULL
    GROUP BY task_id;
COMMENT ON VIEW disagreements IS 'Questions whose draws ended differently: results, answers, or the faults why there is none.';
COMMENT ON COLUMN disagreements.task_id IS 'content id of question and reference';
COMMENT ON COLUMN disagreements.question IS 'the question, or the instruction';
COMMENT ON COLUMN disagreements.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN disagreements.draws IS 'how often the question was put';
COMMENT ON COLUMN disagreements.outcomes IS 'the different ends: results, answers, or faults';
COMMENT ON COLUMN disagreements.accepted IS 'how many of the draws are accepted';

CREATE OR REPLACE VIEW near_duplicates AS
    SELECT v.sample_id, s.question, v.detail AS kept_sample_id, k.question AS kept_question, v.reason, v.score AS similarity
    FROM current_verdicts v
    JOIN (SELECT sample_id, question FROM current_samples) s USING (sample_id)
    LEFT JOIN (SELECT sample_id, question FROM samples) k ON k.sample_id = v.detail
    WHERE v.check_name = 'dedup' AND NOT v.passed;
COMMENT ON VIEW near_duplicates IS 'Samples that say what an earlier one says, beside that one: exact, near by ROUGE-L, or near in meaning.';
COMMENT ON COLUMN near_duplicates.sample_id IS 'the one that is left out';
COMMENT ON COLUMN near_duplicates.question IS 'the question, or the instruction';
COMMENT ON COLUMN near_duplicates.kept_sample_id IS 'the earlier one that says the same';
COMMENT ON COLUMN near_duplicates.kept_question IS 'its question';
COMMENT ON COLUMN near_duplicates.reason IS 'in which way they are alike';
COMMENT ON COLUMN near_duplicates.similarity IS 'from 0 to 1; empty where they are equal';

CREATE OR REPLACE VIEW coverage AS
    SELECT CASE c.missing WHEN 7 THEN 'language' WHEN 11 THEN 'family' WHEN 13 THEN 'tool' ELSE 'seed' END AS dimension,
           coalesce(CASE c.missing WHEN 7 THEN c.language WHEN 11 THEN c.family WHEN 13 THEN c.tool ELSE d.name END, '(none)') AS value,
           c.samples, c.accepted, round(c.accepted / c.samples, 4) AS share
    FROM (
        SELECT language, family, tool, seed_id, grouping(language, family, tool, seed_id) AS missing, count(*) AS samples,
               count(*) FILTER (accepted) AS accepted
        FROM (SELECT sample_id, language, family, coalesce(call->>'$.name', call->>'$[0][0].name') AS tool FROM samples)
        JOIN decisions USING (sample_id)
        GROUP BY GROUPING SETS ((language), (family), (tool), (seed_id))
    ) c
    LEFT JOIN seeds d USING (seed_id)
    ORDER BY dimension, samples DESC, value;
COMMENT ON VIEW coverage IS 'Samples and how many were accepted, by language, family, tool (the first that is called) and seed.';
COMMENT ON COLUMN coverage.dimension IS 'language, family, tool or seed';
COMMENT ON COLUMN coverage.value IS 'its value; (none) where a sample has none';
COMMENT ON COLUMN coverage.samples IS 'of the current plan';
COMMENT ON COLUMN coverage.accepted IS 'how many of them are accepted';
COMMENT ON COLUMN coverage.share IS 'accepted of samples, from 0 to 1';

CREATE OR REPLACE VIEW length_outliers AS
    SELECT s.sample_id, s.question, s.kind, s.language, l.what, l.length, l.median, round(l.distance, 1) AS distance
    FROM (
        SELECT sample_id, what, length, median, abs(length - median) / greatest(spread, 1) AS distance
        FROM (
            SELECT sample_id, what, length, median(length) OVER w AS median, mad(length) OVER w AS spread
            FROM (
                UNPIVOT (
                    SELECT sample_id, kind, language, len(question) AS question, len(coalesce(rationale, answer, call::VARCHAR)) AS answer
                    FROM current_samples
                ) ON question, answer INTO NAME what VALUE length
            )
            WINDOW w AS (PARTITION BY kind, language, what)
        )
        WHERE abs(length - median) > 8 * greatest(spread, 1)
    ) l
    JOIN samples s USING (sample_id)
    ORDER BY distance DESC;
COMMENT ON VIEW length_outliers IS 'Questions and answers far longer or shorter (characters) than the median of their kind and language, in median deviations.';
COMMENT ON COLUMN length_outliers.sample_id IS 'the sample, as in samples';
COMMENT ON COLUMN length_outliers.question IS 'the question, or the instruction';
COMMENT ON COLUMN length_outliers.kind IS 'what a sample is, such as tool_call or label';
COMMENT ON COLUMN length_outliers.language IS 'of the question';
COMMENT ON COLUMN length_outliers.what IS 'question or answer: which of them is long or short';
COMMENT ON COLUMN length_outliers.length IS 'characters';
COMMENT ON COLUMN length_outliers.median IS 'characters, over its kind and language';
COMMENT ON COLUMN length_outliers.distance IS 'from the median, in median absolute deviations';

CREATE OR REPLACE VIEW throughput AS
    SELECT teacher, count(*) AS answers, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
           min(finished_at) AS first_at, max(finished_at) AS last_at,
           round(sum(completion_tokens) / nullif(epoch(max(finished_at) - min(finished_at)), 0), 1) AS tokens_per_s
    FROM generations GROUP BY teacher;
COMMENT ON VIEW throughput IS 'Answers and completion tokens per second of each teacher, from the first answer to the last (pauses included).';
COMMENT ON COLUMN throughput.teacher IS 'model that answered, as the recipe names it';
COMMENT ON COLUMN throughput.answers IS 'stored answers, those of earlier plans too';
COMMENT ON COLUMN throughput.prompt_tokens IS 'sum over the answers';
COMMENT ON COLUMN throughput.completion_tokens IS 'sum over the answers';
COMMENT ON COLUMN throughput.first_at IS 'UTC';
COMMENT ON COLUMN throughput.last_at IS 'UTC';
COMMENT ON COLUMN throughput.tokens_per_s IS 'completion tokens by the time from first to last';

CREATE OR REPLACE VIEW cost AS
    SELECT teacher, answers, prompt_tokens, completion_tokens, accepted,
           round(prompt_tokens / nullif(accepted, 0), 1) AS prompt_tokens_per_accepted,
           round(completion_tokens / nullif(accepted, 0), 1) AS completion_tokens_per_accepted,
           tokens_of_rejected, round(tokens_of_rejected / nullif(completion_tokens, 0), 4) AS share_of_rejected
    FROM (
        -- An edited sample stands on the answer of the one that it was made from, which was paid for once.
        SELECT g.teacher, count(*) FILTER (d.first) AS answers, sum(g.prompt_tokens) FILTER (d.first) AS prompt_tokens,
               sum(g.completion_tokens) FILTER (d.first) AS completion_tokens, count(*) FILTER (d.accepted) AS accepted,
               sum(if(d.first, g.completion_tokens, 0) - if(d.accepted, g.completion_tokens, 0)) AS tokens_of_rejected
        FROM (SELECT request_key, accepted, edited_from IS NULL AS first FROM decisions) d
        JOIN (SELECT request_key, teacher, prompt_tokens, completion_tokens FROM generations) g USING (request_key)
        GROUP BY g.teacher
    );
COMMENT ON VIEW cost IS 'What an accepted sample of the current plan took in tokens, and what went into rejected ones; last answers only.';
COMMENT ON COLUMN cost.teacher IS 'model that answered, as the recipe names it';
COMMENT ON COLUMN cost.answers IS 'samples of the current plan, one answer each';
COMMENT ON COLUMN cost.prompt_tokens IS 'sum over them';
COMMENT ON COLUMN cost.completion_tokens IS 'sum over them';
COMMENT ON COLUMN cost.accepted IS 'how many of them are accepted';
COMMENT ON COLUMN cost.prompt_tokens_per_accepted IS 'prompt tokens of all, by the accepted ones';
COMMENT ON COLUMN cost.completion_tokens_per_accepted IS 'completion tokens of all, by the accepted ones';
COMMENT ON COLUMN cost.tokens_of_rejected IS 'completion tokens that came to nothing';
COMMENT ON COLUMN cost.share_of_rejected IS 'their share of all completion tokens, from 0 to 1';

CREATE OR REPLACE VIEW leaderboard AS
    SELECT e.role, a.name AS artifact, e.metric, e.value, e.low, e.high, e.unit, e.n, e.evaluation_id
    FROM evaluations e JOIN artifacts a USING (artifact_id)
    -- Rows of an older factory do not say which direction is better: its metrics are known by name.
    ORDER BY e.metric, if(
        coalesce(e.better = 'lower', e.metric = 'perplexity' OR e.metric LIKE 'latency%' OR e.metric LIKE '%bytes'), e.value, -e.value
    );
COMMENT ON VIEW leaderboard IS 'Every measured figure of every model, best first.';
COMMENT ON COLUMN leaderboard.role IS 'teacher, base, student, student_quantized, student_recovered';
COMMENT ON COLUMN leaderboard.artifact IS 'the model''s name';
COMMENT ON COLUMN leaderboard.metric IS 'what was measured, such as answer_accuracy, preferred or tokens_per_s_batch_32';
COMMENT ON COLUMN leaderboard.value IS 'in its unit';
COMMENT ON COLUMN leaderboard.low IS 'lower end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN leaderboard.high IS 'upper end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN leaderboard.unit IS 'share (of 1), bytes, s or another; NULL in rows of an older factory, where the metric''s name ends with it';
COMMENT ON COLUMN leaderboard.n IS 'how many tasks or repetitions stand behind the value';
COMMENT ON COLUMN leaderboard.evaluation_id IS 'content id of the model, the tasks and how they were put';

CREATE OR REPLACE VIEW runs_compared AS
    WITH settings AS (SELECT DISTINCT plan_id, check_keys FROM runs),
    kept_out AS (
        SELECT k.plan_id, k.check_keys, count(DISTINCT v.sample_id) AS samples
        FROM (SELECT sample_id, check_key FROM verdicts WHERE NOT passed) v
        JOIN (SELECT plan_id, check_keys, unnest(check_keys) AS check_key FROM settings) k USING (check_key)
        SEMI JOIN (SELECT plan_id, sample_id FROM plan_items) p ON p.plan_id = k.plan_id AND p.sample_id = v.sample_id
        GROUP BY k.plan_id, k.check_keys
    )
    SELECT r.run_id, r.started_at, r.recipe_name, r.recipe_digest, r.plan_id, len(r.check_keys) AS checks, r.target_count,
           coalesce(p.samples, 0) AS samples, coalesce(k.samples, 0) AS rejected, round(1 - coalesce(k.samples, 0) / p.samples, 4) AS share,
           s.seconds
    FROM runs r
    LEFT JOIN (SELECT plan_id, count(*) AS samples FROM plan_items GROUP BY plan_id) p USING (plan_id)
    LEFT JOIN kept_out k ON k.plan_id = r.plan_id AND k.check_keys = r.check_keys
    LEFT JOIN (SELECT run_id, sum(seconds) AS seconds FROM stages GROUP BY run_id) s USING (run_id)
    ORDER BY r.batch;
COMMENT ON VIEW runs_compared IS 'Each run beside the others: its plan and samples, what its checks reject (people''s verdicts apart), the time of its stages.';
COMMENT ON COLUMN runs_compared.run_id IS 'content id of recipe, plan and time';
COMMENT ON COLUMN runs_compared.started_at IS 'UTC';
COMMENT ON COLUMN runs_compared.recipe_name IS 'the name in the recipe';
COMMENT ON COLUMN runs_compared.recipe_digest IS 'content id of the recipe''s values: comments and spaces do not change it';
COMMENT ON COLUMN runs_compared.plan_id IS 'the plan, as in plan_items';
COMMENT ON COLUMN runs_compared.checks IS 'how many checks it has';
COMMENT ON COLUMN runs_compared.target_count IS 'how many accepted samples it asks for; the first ones of the plan are its training set; empty: all';
COMMENT ON COLUMN runs_compared.samples IS 'of its plan';
COMMENT ON COLUMN runs_compared.rejected IS 'samples of its plan that one of its checks rejects';
COMMENT ON COLUMN runs_compared.share IS 'not rejected of samples, from 0 to 1';
COMMENT ON COLUMN runs_compared.seconds IS 'wall time of its stages; empty where none has ended';
