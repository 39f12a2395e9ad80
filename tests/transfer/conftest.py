"""One store for all tests of transfer, and where its results were pushed to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from exchanged import Made, Server, configuration, told

from programs import Workplace
from proxykd.configuration import load
from proxykd.plan import Plan


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("made")
    (root / "run.yaml").write_text(yaml.safe_dump(configuration()))
    plan, workplace = Plan(load(configuration())), Workplace(root)
    near = {stage.key for stage in plan.experiments[0].stages}
    for stage in plan.all_stages():
        if stage.key in near or stage.name in {"train_teacher", "score_proxies"}:
            roles = {
                role: [f"{one.name}/{one.key}" for one in several] for role, several in stage.upstream.items()
            }
            workplace.make(stage.name, stage.key, stage.settings.canonical(), **roles)
    return Made(root, plan)


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    server = Server()
    running = server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": server.url,
        }.items():
            patch.setenv(name, value)
        server.client.create_bucket(Bucket="bucket")
        yield server
    running.stop()


@pytest.fixture(scope="session")
def mirror(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to which all of an experiment was pushed."""
    place = tmp_path_factory.mktemp("mirror")
    told(made.root, "push", "near", "--to", place, *made.configured)
    return place


@pytest.fixture
def there(made: Made, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pushed selection to damage, and an empty store to pull it into."""
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path / "store"))
    result = made.name("select_proxies")
    return Path(shutil.copytree(mirror / result, tmp_path / "there" / result))
