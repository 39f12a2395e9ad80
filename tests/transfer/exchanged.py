"""A store to push from, an S3 server to push to, and store.py as a person runs it."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import tarfile
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
from moto.server import ThreadedMotoServer

from checkouts import ROOT, tiny_configuration
from programs import Workplace
from proxykd import store
from proxykd.plan import Plan
from proxykd.shards import file_facts

LARGE, SMALL = 10_030, 50
"""Images in two pools; those of the first are in two shards."""


def configuration() -> dict[str, Any]:
    """Two experiments with a teacher each, which share the small pool."""
    configuration = tiny_configuration()
    configuration["train_teacher"]["recipe"] = {"steps": 60, "batch": 16}
    pools = [{"render_proxies": {"kind": "noise", "count": count, "seed": count}} for count in (LARGE, SMALL)]
    return configuration | {
        "experiments": {
            "near": {"proxies": pools, "attack_boundary": {"epsilon": 64, "sources": 30}},
            "far": {"proxies": pools[1:], "train_teacher": {"recipe": {"seed": 5}}},
        }
    }


@dataclass
class Made:
    """A store with all results of `near` and some of `far`, made by the programs under planned keys."""

    root: Path
    plan: Plan

    @property
    def configured(self) -> tuple[str, str]:
        return "--configfile", str(self.root / "run.yaml")

    def name(self, stage: str, experiment: str = "near", **settings: Any) -> str:
        """`<stage>/<key>` of an experiment's first result that has such settings."""
        (chosen,) = [one for one in self.plan.experiments if one.name == experiment]
        found = [one for one in chosen.stages if one.name == stage]
        return next(
            f"{stage}/{one.key}" for one in found if settings.items() <= one.settings.canonical().items()
        )

    def make(self, stage: str, settings: dict[str, Any], **roles: Any) -> str:
        """Make one more result, and put it under its key."""
        folder = self.root / Workplace(self.root).make(stage, "new", settings, **roles)
        key = store.read_index(folder).key
        for suffix in ("", ".done"):
            (self.root / stage / f"new{suffix}").rename(self.root / stage / f"{key}{suffix}")
        return f"{stage}/{key}"

    def predicted(self, result: str) -> dict[str, int]:
        """Sample's key -> the teacher's class in a result's table."""
        table = pq.read_table(self.root / result / "samples.parquet", columns=["key", "predicted"])
        return dict(zip(*(table[name].to_pylist() for name in ("key", "predicted")), strict=True))


@dataclass
class Server:
    """A real S3 server on this machine, which can be made to hang in the middle of an upload."""

    put: list[str] = field(default_factory=list)
    """Paths of all uploads, in their order."""
    hanging: str = ""
    """Uploads to names that end in this wait for `go`."""
    spoilt: str = ""
    """Of uploads to names that end in this, the first byte is not kept as it was sent."""
    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def start(self) -> ThreadedMotoServer:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.app, server._server.app = server._server.app, self  # type: ignore[union-attr]
        host, port = server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        return server

    def __call__(self, environ: dict[str, Any], respond: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "PUT":
            self.put.append(environ["PATH_INFO"])
            if self.hanging and environ["PATH_INFO"].endswith(self.hanging):
                self.reached.set()
                assert self.go.wait(60)
            if self.spoilt and environ["PATH_INFO"].endswith(self.spoilt):
                content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                environ["wsgi.input"] = io.BytesIO(bytes([content[0] ^ 1]) + content[1:])
                for name in [name for name in environ if "CHECKSUM" in name]:
                    del environ[name]
        return self.app(environ, respond)

    @property
    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.url)

    def names(self, prefix: str) -> list[str]:
        """What lies below a prefix of the bucket."""
        found = self.client.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", [])
        return [one["Key"].removeprefix(prefix) for one in found]

    def ask(self, how_many_unsigned: str) -> None:
        """Check credentials after so many requests."""
        address, plain = f"{self.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        asked = urllib.request.Request(address, how_many_unsigned.encode(), plain)
        urllib.request.urlopen(asked).close()


def command(root: Path, *arguments: object, **environment: str) -> dict[str, Any]:
    """Keywords for subprocess: store.py, with its store in a folder."""
    known = os.environ | {"PROXYKD_STORE": str(root), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    words = [sys.executable, ROOT / "scripts/store.py", *arguments]
    return {"args": [str(word) for word in words], "env": known, "text": True}


def tool(root: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    keywords = command(root, *arguments, **environment)
    done = subprocess.run(**keywords, capture_output=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def told(root: Path, *arguments: object, **environment: str) -> str:
    """What a command that must succeed says."""
    done = tool(root, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(root: Path, *arguments: object, **environment: str) -> str:
    """The one sentence of a command that must fail."""
    done = tool(root, *arguments, **environment)
    assert (done.returncode, done.stderr[:7]) == (1, "error: "), done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


def contents(root: Path) -> dict[str, bytes]:
    """All files of all results of a store."""
    found = [path for path in root.glob("*/*/**/*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def classes(folder: Path) -> dict[str, int]:
    """Sample's key -> what its `.cls` member says."""
    found = {}
    for shard in sorted(folder.glob("train-*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar.getmembers():
                if member.name.endswith(".cls"):
                    found[member.name.removesuffix(".cls")] = int(tar.extractfile(member).read())  # type: ignore[union-attr]
    return found


def changed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def reindexed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    index = json.loads((folder / "index.json").read_text())
    change(index)
    (folder / "index.json").write_text(json.dumps(index))


def relist(folder: Path, listing: str) -> None:
    """Let the index list its only shard as it is now."""
    facts = file_facts(folder / "train-000000.tar")
    reindexed(folder, lambda index: index[listing][0].update(facts))
