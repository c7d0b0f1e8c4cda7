# Runs the demo, on the CPU; its pictures, scores and model come to runs/ of the working folder:
#
#   docker build -t pgjax .
#   docker run --rm -v "$PWD/runs:/work/runs" pgjax
#
# Any other command of pgjax likewise, with the folders that it needs:
#
#   docker run --rm pgjax pgjax --help
FROM python:3.12-slim

COPY . /pgjax
RUN pip install --no-cache-dir --constraint /pgjax/constraints.txt /pgjax

WORKDIR /work
CMD ["sh", "-c", "pgjax train --config=demo:synthetic_people/dsc --workdir=runs/demo --data_dir=data && pgjax evaluate --workdir=runs/demo --data_dir=data"]
