-- Recipes with several sources of data: each has a plan, checks and a count of its own. A run of one source has no row here.

CREATE TABLE run_sources (
    run_id VARCHAR,
    place BIGINT,
    source VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    plan_id VARCHAR NOT NULL,
    check_keys VARCHAR[] NOT NULL,
    target_count BIGINT,
    weight DOUBLE NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (run_id, place)
);
COMMENT ON TABLE run_sources IS 'The sources of data of a run whose recipe lists several, in its order.';
COMMENT ON COLUMN run_sources.run_id IS 'the run, as in runs';
COMMENT ON COLUMN run_sources.place IS 'place of the source in the recipe, from 0';
COMMENT ON COLUMN run_sources.source IS 'what the recipe calls it';
COMMENT ON COLUMN run_sources.kind IS 'what a sample of it is';
COMMENT ON COLUMN run_sources.plan_id IS 'its plan, as in plan_items';
COMMENT ON COLUMN run_sources.check_keys IS 'the checks, with their settings, that a sample of it has to pass';
COMMENT ON COLUMN run_sources.target_count IS 'how many accepted samples of it are asked for';
COMMENT ON COLUMN run_sources.weight IS 'what a token of its rows counts in training';
COMMENT ON COLUMN run_sources.batch IS 'the transaction that brought the row';
