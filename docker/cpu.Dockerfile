# The factory on a CPU: teacher, training, report, in the versions that work together.
#     docker build -f docker/cpu.Dockerfile -t distill-factory:cpu .
#     docker run --rm -it --shm-size 2g -v "$PWD/mine:/work" distill-factory:cpu run recipe.yaml -w .
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends g++ git libnuma1 \
    && rm -rf /var/lib/apt/lists/*
COPY requirements /app/requirements
# As a list, every version exact: requirements/cpu-py311.txt says why.
RUN pip install --no-cache-dir --no-deps --extra-index-url https://download.pytorch.org/whl/cpu \
    -r /app/requirements/cpu-py311.txt -r /app/requirements/build.txt
COPY . /app
RUN pip install --no-cache-dir --no-deps --no-build-isolation /app
# What it converts and downloads once; a volume keeps it.
ENV FACTORY_CACHE=/cache HF_HOME=/cache/huggingface
VOLUME /cache
WORKDIR /work
ENTRYPOINT ["factory"]
