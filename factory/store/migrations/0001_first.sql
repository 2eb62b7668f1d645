-- The first schema. Rows are only ever added; every row names the batch (one transaction) that brought it.

CREATE TABLE batches (
    batch BIGINT PRIMARY KEY,
    committed_at TIMESTAMP NOT NULL,
    content JSON NOT NULL           -- per table: number of rows and digest, the same as in the ledger
);

CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    started_at TIMESTAMP NOT NULL,
    command VARCHAR NOT NULL,
    recipe_name VARCHAR NOT NULL,
    recipe_digest VARCHAR NOT NULL,
    recipe_text VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,       -- the requests that this run owes
    check_keys VARCHAR[] NOT NULL,  -- the checks, with their settings, that a sample has to pass in this run
    machine JSON NOT NULL,
    versions JSON NOT NULL,
    batch BIGINT NOT NULL
);

CREATE TABLE seeds (
    seed_id VARCHAR PRIMARY KEY,    -- content id of the seed
    name VARCHAR NOT NULL,          -- its id in the file
    language VARCHAR NOT NULL,
    family VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    source VARCHAR NOT NULL,        -- file
    line BIGINT NOT NULL,
    batch BIGINT NOT NULL
);

CREATE TABLE requests (
    plan_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    request_key VARCHAR NOT NULL,   -- content id of model, revision, messages, schema, parameters and draw
    seed_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,       -- content id of question and reference
    draw BIGINT NOT NULL,
    language VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (plan_id, position)
);

CREATE TABLE generations (
    request_key VARCHAR PRIMARY KEY,
    teacher VARCHAR NOT NULL,
    revision VARCHAR NOT NULL,
    template_digest VARCHAR NOT NULL,
    messages JSON NOT NULL,         -- as rendered, OpenAI form
    parameters JSON NOT NULL,
    text VARCHAR NOT NULL,
    finish_reason VARCHAR NOT NULL,
    error VARCHAR,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    token_ids INTEGER[],
    token_logprobs FLOAT[],         -- natural logarithm, raw distribution
    topk_ids INTEGER[][],
    topk_logprobs FLOAT[][],
    attempts BIGINT NOT NULL,
    seconds DOUBLE NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    batch BIGINT NOT NULL
);

CREATE TABLE samples (
    sample_id VARCHAR PRIMARY KEY,
    request_key VARCHAR NOT NULL,
    seed_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    messages JSON,                  -- question, call, result, answer, OpenAI form; NULL if there is no call to speak of
    tools JSON NOT NULL,
    call JSON,                      -- {"name", "arguments"} as parsed
    fault VARCHAR,                  -- reason code why there is no call, or no result
    result VARCHAR,                 -- what the tool returned
    rationale VARCHAR,
    answer VARCHAR,
    content_id VARCHAR NOT NULL,    -- equal for samples that say the same
    parents VARCHAR[] NOT NULL,
    batch BIGINT NOT NULL
);

CREATE TABLE verdicts (
    sample_id VARCHAR NOT NULL,
    check_key VARCHAR NOT NULL,     -- name and digest of the settings
    check_name VARCHAR NOT NULL,
    passed BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,        -- reason code, 'ok' when passed
    score DOUBLE,
    detail VARCHAR,
    batch BIGINT NOT NULL,
    PRIMARY KEY (sample_id, check_key)
);

CREATE TABLE artifacts (
    artifact_id VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,          -- model, adapter, merged, quantized
    name VARCHAR NOT NULL,
    path VARCHAR NOT NULL,          -- relative to the workspace where it lies inside
    digest VARCHAR NOT NULL,
    weight_bytes BIGINT NOT NULL,
    parents VARCHAR[] NOT NULL,
    about JSON NOT NULL,
    batch BIGINT NOT NULL
);

CREATE TABLE artifact_samples (
    artifact_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,          -- train, calibrate
    batch BIGINT NOT NULL,
    PRIMARY KEY (artifact_id, sample_id, role)
);

CREATE TABLE training_log (
    artifact_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    batch BIGINT NOT NULL
);

CREATE TABLE evaluations (
    evaluation_id VARCHAR NOT NULL, -- content id of the model, the tasks and how they were put
    artifact_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,          -- teacher, base, student, student_quantized
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    n BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (evaluation_id, metric)
);

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

CREATE TABLE stages (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL,
    peak_memory_bytes BIGINT NOT NULL,
    detail VARCHAR NOT NULL,
    batch BIGINT NOT NULL
);
