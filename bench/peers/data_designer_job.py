"""Run by the Python of data-designer's environment: `python data_designer_job.py JOB.json`.

One text column over the seed questions, as its documentation shows it. `max_parallel_requests` is raised from
its default of 4 to the bench's concurrency; telemetry, its metrics port and the probing request before the
run are off; retries and everything else are its own. Started again it resumes: `ResumeMode.ALWAYS`. What it
says it has is what `load_dataset` returns, or, if `create` raised, the Parquet files that it left.
"""

import json
import sys
from pathlib import Path

import data_designer.config as dd
import pandas
from data_designer.interface import DataDesigner


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(job["folder"])
    parameters = dd.ChatCompletionInferenceParams(
        temperature=job["temperature"],
        top_p=1.0,
        max_tokens=job["max_tokens"],
        max_parallel_requests=job["concurrency"],
    )
    model = dd.ModelConfig(
        alias="teacher",
        model=job["model"],
        provider="bench",
        inference_parameters=parameters,
        skip_health_check=True,
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=job["seeds"]))
    builder.add_column(
        dd.LLMTextColumnConfig(
            name="answer", model_alias="teacher", system_prompt=job["system"], prompt="{{ question }}"
        )
    )
    provider = dd.ModelProvider(name="bench", endpoint=job["url"], provider_type="openai", api_key="none")
    designer = DataDesigner(artifact_path=folder / "artifacts", model_providers=[provider])
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None))
    rows = None
    try:
        resume = dd.ResumeMode.ALWAYS if job["again"] else dd.ResumeMode.NEVER
        rows = designer.create(
            builder, num_records=job["count"], dataset_name="bench", resume=resume
        ).load_dataset()
    finally:
        if rows is None:
            files = sorted((folder / "artifacts" / "bench" / "parquet-files").glob("*.parquet"))
            rows = (
                pandas.concat([pandas.read_parquet(file) for file in files])
                if files
                else pandas.DataFrame({"answer": []})
            )
        held = sum(isinstance(answer, str) and bool(answer.strip()) for answer in rows["answer"])
        Path(job["result"]).write_text(json.dumps({"rows": len(rows), "with_answer": held}), encoding="utf-8")


if __name__ == "__main__":
    main()
