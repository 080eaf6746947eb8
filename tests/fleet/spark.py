#!/usr/bin/env python3
"""Has Spark's workers decide on runs whose reports lie as bytes in Parquet: by `pipe` and by `mapPartitions`, without a file on the
worker. Compares the rows with those of one replay of the same folder, and shows what `pipe` makes of a program that fails.

usage: spark.py SECGATE FLEET POLICY [--parts N] [--work DIR]      (pip install pyspark pyarrow; Java 17)

FLEET is a folder of runs, each with its run.json, as `ask.py --work` and the like leave it."""

import argparse
import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import time


def pack(fleet, target):
    """A row a run: its id, what it says of itself, and the bytes of its files."""
    import pyarrow as pa  # pylint: disable=import-outside-toplevel
    import pyarrow.parquet as pq  # pylint: disable=import-outside-toplevel

    schema = pa.schema([("id", pa.string()), ("about", pa.string()), ("files", pa.map_(pa.string(), pa.binary()))])
    count = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        batch = []
        for folder in sorted(path for path in fleet.iterdir() if path.is_dir()):
            files = [(str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "run.json"]
            about = json.loads((folder / "run.json").read_text()) if (folder / "run.json").exists() else {}
            batch.append({"id": about.get("id", str(folder)), "about": json.dumps(about), "files": files})
            count += 1
            if len(batch) == 200:
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
                batch = []
        writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
    return count


def line(row):
    """The line of a run for `secgate replay`."""
    files = {name: {"data": base64.b64encode(content).decode()} for name, content in row.files.items()}
    return json.dumps(json.loads(row.about) | {"id": row.id, "files": files})


def decided(command):
    """Decides on a partition, a process for all of it, and fails where the process or its count does."""
    def replay(lines):
        lines = list(lines)
        done = subprocess.run(command, input="".join(text + "\n" for text in lines).encode(), capture_output=True, check=True)
        rows = done.stdout.decode().splitlines()
        if json.loads(rows[-1]) != {"end": True, "in": len(lines), "out": len(lines)}:
            raise RuntimeError(f"{len(lines)} runs went in, and {rows[-1]} came out")
        yield from rows
    return replay


def comparable(rows):
    """Rows without their place in the input, which is one within a partition."""
    told = {}
    for row in map(json.loads, rows):
        if "row_type" in row:
            del row["seq"]
            told.setdefault(row["id"], []).append(json.dumps(row, sort_keys=True))
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("secgate", type=pathlib.Path)
    parser.add_argument("fleet", type=pathlib.Path)
    parser.add_argument("policy", type=pathlib.Path)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    from pyspark.sql import SparkSession  # pylint: disable=import-outside-toplevel

    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or pathlib.Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        packed = work / "fleet.parquet"
        count = pack(args.fleet.resolve(), packed)
        command = [str(args.secgate.resolve()), "replay", "--jobs", "1", "--policy", str(args.policy.resolve()), "--keep-going", "--rows", "-", "-"]
        lines = work / "rows"
        subprocess.run([args.secgate.resolve(), "replay", "--policy", args.policy.resolve(), "--keep-going", "--rows", lines, args.fleet.resolve()],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        one = comparable(text for table in sorted(lines.glob("*.ndjson")) for text in table.read_text().splitlines())
        spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.task.maxFailures", "1").getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        runs = spark.read.parquet(f"file://{packed}").repartition(args.parts).rdd.map(line)
        wrong = 0
        for name, rows in [("pipe", runs.pipe(" ".join(command), checkCode=True)), ("mapPartitions", runs.mapPartitions(decided(command)))]:
            start = time.monotonic()
            rows = rows.collect()
            took = time.monotonic() - start
            ends = [row for row in map(json.loads, rows) if "end" in row]
            told = comparable(rows)
            equal = len(one) == len(told) and all(sorted(one[id_]) == sorted(told.get(id_, [])) for id_ in one)
            whole = sum(end["out"] for end in ends) == sum(end["in"] for end in ends) == count
            wrong += not (equal and whole)
            print(f"Spark, {name}: {len(told)} of {count} runs in {len(ends)} partitions, {took:.1f} s; rows are {'those' if equal else 'NOT those'} of one replay")
        broken = spark.sparkContext.parallelize(range(1000), 4)
        program = work / "early"
        program.write_text("#!/bin/sh\nhead -n 5\nexit 2\n")
        program.chmod(0o755)
        kept = broken.pipe(str(program)).count()
        try:
            broken.pipe(str(program), checkCode=True).count()
            wrong += 1
            print("Spark, pipe with checkCode: a program that failed was taken for one that did not")
        except Exception as error:  # pylint: disable=broad-exception-caught
            print(f"Spark, a program that fails: {kept} of 1000 rows without checkCode and no error; {type(error).__name__} with it")
        spark.stop()
        sys.exit(1 if wrong else 0)


main()
