"""Secrets in files: whole, the same for all processes, and for their owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from terkirim.access.kept import kept_secret, write_for_owner


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_read_ever_after(tmp_path):
    path, numbers = tmp_path / "s", count()
    made = [kept_secret(path, lambda: f"secret {next(numbers)}") for _ in range(3)]
    assert made == ["secret 0"] * 3
    assert mode_of(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_comes_second_gets_what_the_first_one_made(tmp_path):
    path = tmp_path / "s"

    def slower():
        path.write_text("the first one's\n")
        return "the second one's"

    assert kept_secret(path, slower) == "the first one's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_before_that_all_could_read_is_replaced_and_no_link_is_followed(tmp_path):
    target, path = tmp_path / "elsewhere", tmp_path / "key"
    target.write_text("old")
    path.symlink_to(target)
    write_for_owner(path, "new")
    assert (path.read_text(), target.read_text(), path.is_symlink()) == ("new\n", "old", False)
    path.chmod(0o644)
    write_for_owner(path, "newer")
    assert (path.read_text(), mode_of(path)) == ("newer\n", 0o600)


def test_many_at_once_agree(tmp_path):
    path, numbers = tmp_path / "s", count()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: kept_secret(path, lambda: f"{next(numbers)}"), range(8)))
    assert len(set(made)) == 1
    assert list(tmp_path.iterdir()) == [path]
