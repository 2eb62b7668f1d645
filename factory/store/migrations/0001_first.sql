-- The first schema. Rows are only ever added; every row names the batch (one transaction) that brought it.

CREATE TABLE batches (
    batch BIGINT PRIMARY KEY,
    committed_at TIMESTAMP NOT NULL,
    content JSON NOT NULL
);
COMMENT ON TABLE batches IS 'One row for each committed transaction; the ledger beside the store says the same.';
COMMENT ON COLUMN batches.content IS 'per table: number of rows and digest, the same as in the ledger';

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
    batch BIGINT NOT NULL
);
COMMENT ON TABLE runs IS 'What was asked for: recipe, plan and checks. The latest decides what the views show.';
COMMENT ON COLUMN runs.command IS 'what was typed';
COMMENT ON COLUMN runs.recipe_digest IS 'content id of the recipe''s values: comments and spaces do not change it';
COMMENT ON COLUMN runs.plan_id IS 'the requests that this run owes';
COMMENT ON COLUMN runs.check_keys IS 'the checks, with their settings, that a sample has to pass in this run';
COMMENT ON COLUMN runs.machine IS 'processor, cores, memory in bytes, instruction sets';
COMMENT ON COLUMN runs.versions IS 'the packages that decide a result';

CREATE TABLE seeds (
    seed_id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    family VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE seeds IS 'The tasks written by hand that everything starts from.';
COMMENT ON COLUMN seeds.seed_id IS 'content id of the seed';
COMMENT ON COLUMN seeds.name IS 'its id in the file';
COMMENT ON COLUMN seeds.family IS 'kind of task within the seeds';
COMMENT ON COLUMN seeds.reference IS 'what the right call holds';
COMMENT ON COLUMN seeds.source IS 'file';

CREATE TABLE requests (
    plan_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    request_key VARCHAR NOT NULL,
    seed_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    draw BIGINT NOT NULL,
    language VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (plan_id, position)
);
COMMENT ON TABLE requests IS 'The plan: which question goes to the teacher, in which draw.';
COMMENT ON COLUMN requests.position IS 'place in the plan, from 0';
COMMENT ON COLUMN requests.request_key IS 'content id of model, revision, messages, schema, parameters and draw';
COMMENT ON COLUMN requests.task_id IS 'content id of question and reference';
COMMENT ON COLUMN requests.draw IS 'how often the same question was put before, from 0';

CREATE TABLE generations (
    request_key VARCHAR PRIMARY KEY,
    teacher VARCHAR NOT NULL,
    revision VARCHAR NOT NULL,
    template_digest VARCHAR NOT NULL,
    messages JSON NOT NULL,
    parameters JSON NOT NULL,
    text VARCHAR NOT NULL,
    finish_reason VARCHAR NOT NULL,
    error VARCHAR,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    token_ids INTEGER[],
    token_logprobs FLOAT[],
    topk_ids INTEGER[][],
    topk_logprobs FLOAT[][],
    attempts BIGINT NOT NULL,
    seconds DOUBLE NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE generations IS 'One answer of the teacher, with its distribution.';
COMMENT ON COLUMN generations.template_digest IS 'content id of the prompt template';
COMMENT ON COLUMN generations.messages IS 'as rendered, OpenAI form';
COMMENT ON COLUMN generations.parameters IS 'temperature, top_p, max_tokens, logprobs, seed, draw';
COMMENT ON COLUMN generations.text IS 'as the teacher wrote it; lone surrogates are replaced by ?';
COMMENT ON COLUMN generations.finish_reason IS 'why the answer ended: stop, length, or error if there is none';
COMMENT ON COLUMN generations.error IS 'why there is no answer; NULL if there is one';
COMMENT ON COLUMN generations.token_logprobs IS 'natural logarithm of each token, raw distribution: before temperature and grammar';
COMMENT ON COLUMN generations.topk_ids IS 'for each token of the answer, the ids of the k likeliest tokens, by rank';
COMMENT ON COLUMN generations.topk_logprobs IS 'natural logarithms of the same, raw distribution';
COMMENT ON COLUMN generations.attempts IS 'how often the request was sent';
COMMENT ON COLUMN generations.seconds IS 'from sending to the last token';

CREATE TABLE samples (
    sample_id VARCHAR PRIMARY KEY,
    request_key VARCHAR NOT NULL,
    seed_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    messages JSON,
    tools JSON NOT NULL,
    call JSON,
    fault VARCHAR,
    result VARCHAR,
    rationale VARCHAR,
    answer VARCHAR,
    content_id VARCHAR NOT NULL,
    parents VARCHAR[] NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE samples IS 'What was read out of an answer: question, call, result, answer. Rejected ones stay.';
COMMENT ON COLUMN samples.messages IS 'question, call, result, answer, OpenAI form; NULL if there is no call to speak of';
COMMENT ON COLUMN samples.tools IS 'the tools that were offered, OpenAI form';
COMMENT ON COLUMN samples.call IS '{"name", "arguments"} as parsed';
COMMENT ON COLUMN samples.fault IS 'reason code why there is no call, or no result';
COMMENT ON COLUMN samples.result IS 'what the tool returned';
COMMENT ON COLUMN samples.rationale IS 'reasoning before the answer; NULL where the kind of task has none';
COMMENT ON COLUMN samples.content_id IS 'equal for samples that say the same';
COMMENT ON COLUMN samples.parents IS 'ids of the seeds and samples that it was made from';

CREATE TABLE verdicts (
    sample_id VARCHAR NOT NULL,
    check_key VARCHAR NOT NULL,
    check_name VARCHAR NOT NULL,
    passed BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,
    score DOUBLE,
    detail VARCHAR,
    batch BIGINT NOT NULL,
    PRIMARY KEY (sample_id, check_key)
);
COMMENT ON TABLE verdicts IS 'What each check says of each sample, and why.';
COMMENT ON COLUMN verdicts.check_key IS 'name and digest of the settings';
COMMENT ON COLUMN verdicts.reason IS 'reason code, ''ok'' when passed';
COMMENT ON COLUMN verdicts.score IS 'where the check has one, such as a similarity';
COMMENT ON COLUMN verdicts.detail IS 'for a person';

CREATE TABLE artifacts (
    artifact_id VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
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

CREATE TABLE artifact_samples (
    artifact_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (artifact_id, sample_id, role)
);
COMMENT ON TABLE artifact_samples IS 'Which model learnt from, or was calibrated on, which sample.';
COMMENT ON COLUMN artifact_samples.role IS 'train, calibrate';

CREATE TABLE training_log (
    artifact_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE training_log IS 'What was measured while a model was trained.';

CREATE TABLE evaluations (
    evaluation_id VARCHAR NOT NULL,
    artifact_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    n BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (evaluation_id, metric)
);
COMMENT ON TABLE evaluations IS 'Every figure that was measured of a model, with its interval.';
COMMENT ON COLUMN evaluations.evaluation_id IS 'content id of the model, the tasks and how they were put';
COMMENT ON COLUMN evaluations.role IS 'teacher, base, student, student_quantized';
COMMENT ON COLUMN evaluations.low IS 'lower end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN evaluations.high IS 'upper end of the 95 % interval; NULL if there is none';
COMMENT ON COLUMN evaluations.n IS 'how many tasks or repetitions stand behind the value';

CREATE TABLE predictions (
    evaluation_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    output VARCHAR NOT NULL,
    call JSON,
    result VARCHAR,
    parsed BOOLEAN NOT NULL,
    same_call BOOLEAN NOT NULL,
    right_answer BOOLEAN NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (evaluation_id, task_id)
);
COMMENT ON TABLE predictions IS 'What a model answered to each held-out task.';
COMMENT ON COLUMN predictions.parsed IS 'whether there is a call that fits the tools';
COMMENT ON COLUMN predictions.same_call IS 'whether the call is the reference''s';
COMMENT ON COLUMN predictions.right_answer IS 'whether the result is the reference''s';

CREATE TABLE stages (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL,
    peak_memory_bytes BIGINT NOT NULL,
    detail VARCHAR NOT NULL,
    batch BIGINT NOT NULL
);
COMMENT ON TABLE stages IS 'Time and memory of each finished stage.';
COMMENT ON COLUMN stages.peak_memory_bytes IS 'most memory the process had resident';
COMMENT ON COLUMN stages.detail IS 'the line that sums the stage up';
