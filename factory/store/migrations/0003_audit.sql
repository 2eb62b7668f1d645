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

-- Columns of earlier tables that said nothing of themselves.
COMMENT ON COLUMN artifact_samples.artifact_id IS 'the model';
COMMENT ON COLUMN artifact_samples.sample_id IS 'the sample';
COMMENT ON COLUMN artifact_samples.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN artifacts.artifact_id IS 'content id of what the model was made from and how';
COMMENT ON COLUMN artifacts.name IS 'as commands and recipes call it';
COMMENT ON COLUMN artifacts.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN attempts.request_key IS 'the request that was sent';
COMMENT ON COLUMN attempts.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN batches.batch IS 'number of the transaction, from 1';
COMMENT ON COLUMN batches.committed_at IS 'UTC';
COMMENT ON COLUMN evaluations.artifact_id IS 'the model that was measured';
COMMENT ON COLUMN evaluations.metric IS 'what was measured, such as answer_accuracy or tokens_per_s';
COMMENT ON COLUMN evaluations.value IS 'in the unit that the metrics name ends with; without one a share of 1';
COMMENT ON COLUMN evaluations.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN generations.request_key IS 'the request that it answers';
COMMENT ON COLUMN generations.teacher IS 'model that answered, as the recipe names it';
COMMENT ON COLUMN generations.revision IS 'which state of that model';
COMMENT ON COLUMN generations.prompt_tokens IS 'tokens of the prompt';
COMMENT ON COLUMN generations.completion_tokens IS 'tokens of the answer';
COMMENT ON COLUMN generations.token_ids IS 'the tokens of the answer';
COMMENT ON COLUMN generations.finished_at IS 'UTC, when the answer was there';
COMMENT ON COLUMN generations.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN migrations.number IS 'of the file, from 1';
COMMENT ON COLUMN migrations.name IS 'of the file';
COMMENT ON COLUMN migrations.applied_at IS 'UTC';
COMMENT ON COLUMN plan_ends.plan_id IS 'the plan that ended';
COMMENT ON COLUMN plan_ends.reason IS 'in words';
COMMENT ON COLUMN plan_ends.accepted IS 'samples that were accepted by then';
COMMENT ON COLUMN plan_ends.requests IS 'answers that it took';
COMMENT ON COLUMN plan_ends.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN predictions.evaluation_id IS 'the measurement, as in evaluations';
COMMENT ON COLUMN predictions.task_id IS 'content id of question and reference';
COMMENT ON COLUMN predictions.question IS 'of the held-out task';
COMMENT ON COLUMN predictions.reference IS 'what is right';
COMMENT ON COLUMN predictions.output IS 'as the model wrote it';
COMMENT ON COLUMN predictions.call IS 'the call that was read out of it';
COMMENT ON COLUMN predictions.result IS 'what the tool returned to that call';
COMMENT ON COLUMN predictions.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN requests.plan_id IS 'the plan, as in runs';
COMMENT ON COLUMN requests.seed_id IS 'the seed that the task was made from';
COMMENT ON COLUMN requests.language IS 'of the question';
COMMENT ON COLUMN requests.question IS 'the question, or the instruction';
COMMENT ON COLUMN requests.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN requests.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN runs.run_id IS 'content id of recipe, plan and time';
COMMENT ON COLUMN runs.started_at IS 'UTC';
COMMENT ON COLUMN runs.recipe_name IS 'the name in the recipe';
COMMENT ON COLUMN runs.recipe_text IS 'the recipe as it was written';
COMMENT ON COLUMN runs.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN samples.sample_id IS 'content id of the answers that it took and of what was made of them';
COMMENT ON COLUMN samples.seed_id IS 'the seed that its task was made from';
COMMENT ON COLUMN samples.task_id IS 'content id of question and reference';
COMMENT ON COLUMN samples.kind IS 'tool_call, rationale, instruction';
COMMENT ON COLUMN samples.language IS 'of the question';
COMMENT ON COLUMN samples.reference IS 'what is right; empty where nothing is known';
COMMENT ON COLUMN samples.answer IS 'what is said to the user in the end';
COMMENT ON COLUMN samples.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN samples.family IS 'kind of task within the seeds';
COMMENT ON COLUMN seeds.language IS 'of the question';
COMMENT ON COLUMN seeds.question IS 'the question, or the instruction';
COMMENT ON COLUMN seeds.line IS 'of the file, from 1';
COMMENT ON COLUMN seeds.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN stages.run_id IS 'the run, as in runs';
COMMENT ON COLUMN stages.stage IS 'generate, check, distill, compress, evaluate';
COMMENT ON COLUMN stages.seconds IS 'wall time';
COMMENT ON COLUMN stages.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN training_log.artifact_id IS 'the model that was trained';
COMMENT ON COLUMN training_log.stage IS 'name of the training stage';
COMMENT ON COLUMN training_log.step IS 'optimizer steps before it';
COMMENT ON COLUMN training_log.metric IS 'loss, cross_entropy, divergence, learning_rate, grad_norm';
COMMENT ON COLUMN training_log.value IS 'as the trainer gave it';
COMMENT ON COLUMN training_log.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN turns.plan_id IS 'the plan, as in runs';
COMMENT ON COLUMN turns.request_key IS 'the answer, as in generations';
COMMENT ON COLUMN turns.batch IS 'the transaction that brought the row';
COMMENT ON COLUMN uncertainty.request_key IS 'the answer, as in generations';
COMMENT ON COLUMN verdicts.sample_id IS 'the sample that was judged';
COMMENT ON COLUMN verdicts.check_name IS 'the check, or person';
COMMENT ON COLUMN verdicts.passed IS 'whether the sample may stay';
COMMENT ON COLUMN verdicts.batch IS 'the transaction that brought the row';
