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
