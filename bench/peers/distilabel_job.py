"""Run by the Python of distilabel's environment: `python distilabel_job.py JOB.json`.

One `TextGeneration` over the seed questions, as its documentation shows it. A step sends a whole batch at
once and waits for all of it, so its concurrency is `input_batch_size`, which is raised from 50 to the
bench's. Retries and everything else are its own. Started again it takes up its cache: `run(use_cache=True)`.
What it says it has is the distiset that `run` returns.
"""

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    lines = Path(job["seeds"]).read_text(encoding="utf-8").splitlines()
    parameters = {"max_new_tokens": job["max_tokens"], "temperature": job["temperature"], "top_p": 1.0}
    with Pipeline(name="bench", cache_dir=Path(job["folder"]) / "cache") as pipeline:
        load = LoadDataFromDicts(
            data=[{"instruction": json.loads(line)["question"]} for line in lines],
            batch_size=job["concurrency"],
        )
        teacher = OpenAILLM(
            model=job["model"], base_url=job["url"], api_key="none", generation_kwargs=parameters
        )
        answer = TextGeneration(llm=teacher, system_prompt=job["system"], input_batch_size=job["concurrency"])
        load >> answer
    rows = pipeline.run(use_cache=True)["default"]["train"]
    held = sum(isinstance(text, str) and bool(text.strip()) for text in rows["generation"])
    Path(job["result"]).write_text(json.dumps({"rows": len(rows), "with_answer": held}), encoding="utf-8")


if __name__ == "__main__":
    main()
