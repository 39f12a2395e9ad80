"""One store, two users of a group: what one of them makes is the other's too."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from checkouts import Checkout
from proxykd import publication, store

GROUP = 61_999
ANNA, BERT = 61_001, 61_002

two_users = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to be two other users"
)


def command(checkout: Checkout, user: int, mask: str, *arguments: object) -> dict:
    """A command as another user, who may read everything (the environment lies in root's home) and write
    only what permissions allow."""
    rights = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    groups = [f"--reuid={user}", f"--regid={user}", f"--groups={GROUP}"]
    return checkout.command(
        "setpriv", *groups, *rights, "--", "sh", "-c", f'umask {mask} && exec "$@"', "sh", *arguments
    )


def make(
    checkout: Checkout, user: int, mask: str, out: Path, count: int = 40
) -> subprocess.CompletedProcess[str]:
    keywords = command(checkout, user, mask, *checkout.render(out, count=count))
    return subprocess.run(**keywords, capture_output=True, check=False)


@pytest.fixture
def shared(shared_checkout: Checkout, tmp_path: Path) -> Checkout:
    """A checkout whose store belongs to a group, all of which may write to it."""
    root = tmp_path / "store"
    root.mkdir()
    os.chown(root, 0, GROUP)
    root.chmod(0o2775)
    return Checkout(shared_checkout.folder, {"PROXYKD_STORE": str(root)})


@two_users
def test_what_one_makes_is_the_groups(shared: Checkout) -> None:
    """Though her mask lets nobody else at her files."""
    out = shared.store / "render_proxies" / "0123456789abcdef"
    done = make(shared, ANNA, "077", out)
    assert done.returncode == 0, done.stderr
    for path in [out.parent, *out.parent.rglob("*")]:
        state = path.stat()
        wanted = 0o770 if path.is_dir() else 0o660
        assert (state.st_uid, state.st_gid, state.st_mode & 0o770) == (ANNA, GROUP, wanted), path
        assert not state.st_mode & stat.S_IRWXO
    # The other finds it, makes one of his own beside it, and may remove hers.
    found = make(shared, BERT, "022", out)
    assert found.returncode == 0, found.stderr
    assert "is there already" in found.stderr
    assert make(shared, BERT, "022", out.with_name("f" * 16), count=50).returncode == 0
    discard = command(
        shared, BERT, "022", "python", "scripts/store.py", "discard", "--yes", f"render_proxies/{out.name}"
    )
    done = subprocess.run(**discard, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not out.exists()


@two_users
def test_one_takes_over_from_the_other_who_was_killed(shared: Checkout) -> None:
    out = shared.store / "render_proxies" / "0123456789abcdef"
    keywords = command(shared, ANNA, "077", *shared.render(out, count=100_000))
    killed = subprocess.Popen(**keywords, stderr=subprocess.DEVNULL)
    for _ in range(2000):
        if list(out.parent.glob("*.partial")):
            break
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert list(out.parent.glob("*.partial"))
    done = make(shared, BERT, "022", out)
    assert done.returncode == 0, done.stderr
    assert store.verify(out).samples == 40
    assert not list(out.parent.glob("*.partial"))


@two_users
def test_a_store_that_the_group_may_only_read(shared: Checkout) -> None:
    shared.store.chmod(0o2750)
    os.chown(shared.store, ANNA, GROUP)
    out = shared.store / "render_proxies" / "0123456789abcdef"
    assert make(shared, ANNA, "077", out).returncode == 0
    assert (out / "index.json").stat().st_mode & 0o777 == 0o640
    done = make(shared, BERT, "022", out.with_name("f" * 16))
    assert done.returncode == 1
    assert done.stderr.startswith("error: No permission for ")
    assert "Traceback" not in done.stderr


def test_a_mask_counts_outside_the_store(shared_checkout: Checkout, tmp_path: Path) -> None:
    """A folder that is named on the command line is nobody's store."""
    tmp_path.chmod(0o775)
    keywords = shared_checkout.command(*shared_checkout.render(tmp_path / "mine" / "made"))
    assert subprocess.run(**keywords, umask=0o077, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert (tmp_path / "mine" / "made" / "index.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with publication.locked(tmp_path / "stage" / "key"):
        assert "has no locks" in caplog.text


def test_other_errors_of_a_lock_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"), publication.locked(tmp_path / "stage" / "key"):
        pass
