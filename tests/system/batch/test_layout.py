"""The layout of ranks that `hpcalo submit` chooses: against a search over all layouts, and its limits."""

from __future__ import annotations

import itertools
import math
import subprocess

import pytest
from places import INPUTS

from hpcalo.app import site as site_module
from hpcalo.app.timelimit import limit_for
from hpcalo.app.verbs.submit import Job, layout, submit, warning_of
from hpcalo.errors import InputError
from hpcalo.parallel.work import Site, Work, choose

MIB = 2**20


def work(tasks=1, groups=1, team=1, memory=lambda ranks: 300.0 * MIB, **more) -> Work:
    return Work("kubo", tasks, groups, team, "blocks", "one piece", memory, lambda ranks: "valid", **more)


def time_of(tasks: int, groups: int, team: int, ranks: int) -> float:
    """Longest time of any group, by handing the tasks out one after the other."""
    at_once = min(groups, ranks)
    done = [0.0] * at_once
    for _ in range(tasks):
        done[done.index(min(done))] += 1.0 / min(ranks // at_once, team)
    return max(done)


@pytest.mark.parametrize(
    ("tasks", "groups", "team", "nodes", "cores", "memory"),
    [
        (294, 294, 1, 4, 64, None), (294, 294, 1, 40, 64, 30_000), (7, 7, 1, 3, 4, 2500), (5, 5, 5, 3, 4, None),
        (5, 2, 3, 4, 3, 1100), (1, 1, 20, 3, 8, None), (1, 1, 1, 5, 16, 600), (65, 65, 1, 2, 64, None),
    ],
)  # fmt: skip
def test_no_layout_is_faster_or_smaller(tasks, groups, team, nodes, cores, memory):
    share = work(tasks, groups, team)
    ranks = choose(share, nodes, Site(cores, memory, "as given"))
    assert 1 <= ranks.per_node <= cores
    assert ranks.nodes <= nodes
    assert ranks.total <= groups * team
    assert memory is None or ranks.per_node * ranks.memory <= memory
    best = time_of(tasks, groups, team, ranks.total)
    for n, t in itertools.product(range(1, nodes + 1), range(1, cores + 1)):
        if n * t <= groups * team and (memory is None or 500 * t <= memory):
            other = time_of(tasks, groups, team, n * t)
            assert (other, n, t) >= (best, ranks.nodes, ranks.per_node)


def test_memory_that_falls_with_the_number_of_ranks():
    """A wire of 20 GiB on nodes of 8 GiB: one node is too few, three hold it."""
    share = work(team=1000, memory=lambda ranks: (150 + 20_000 / ranks) * MIB)
    ranks = choose(share, 8, Site(16, 8000, "as given"))
    assert ranks.nodes > 1
    assert ranks.per_node * ranks.memory <= 8000
    with pytest.raises(InputError, match=r"a rank needs \d+ MiB, but a node has 8000 MiB"):
        choose(share, 1, Site(16, 8000, "as given"))


def test_impossible_requests():
    for job, words in (
        (Job(ntasks_per_node=9), "--ntasks-per-node 9: a node has 8 cores"),
        (Job(ntasks_per_node=8), "8 x 500 MiB are more than the 2000 MiB of a node .* 4 ranks fit"),
        (Job(ntasks_per_node=1, memory=3000), "not even one rank fits"),
        (Job(memory=3000), "a rank needs 3000 MiB, but a node has 2000 MiB .* --memory"),
    ):
        with pytest.raises(InputError, match=words):
            layout(work(), job, Site(8, 2000, "as given", sure=True))


def test_a_limit_too_short_to_compute_anything():
    slow = work(task_seconds=40.0, start=20.0)
    assert warning_of(Job(), slow, 86_400) == 300
    assert warning_of(Job(), slow, 600) == 81  # two blocks of 40 s, rather than a tenth of the limit
    with pytest.raises(InputError, match=r"--time 2: 39 s before the warning are too short: .* block 40 s"):
        warning_of(Job(time="2"), slow, 120)
    with pytest.raises(InputError, match=r"a warning 81 s before the end: the time limit is only 60 s"):
        warning_of(Job(time="1"), slow, 60)


@pytest.mark.parametrize(
    ("tasks", "each", "nodes", "ranks", "limit"),
    [
        (30, 1.0, 1, 1, 900),  # within a minute on one rank, with the least limit
        (240, 1.0, 1, 4, 900),  # four minutes of one rank: four ranks, not three nodes
        (24_000, 1.0, 4, 32, 2280),  # as many as there are; three times the 750 s of a rank's blocks, and the start
        (240, None, 4, 32, 86_400),
        (10**7, 10.0, 4, 32, 86_400),
    ],
)
def test_nodes_and_time_of_the_estimate(tasks, each, nodes, ranks, limit):
    share = work(tasks=tasks, groups=tasks, task_seconds=each)
    found = choose(share, 4, Site(8, None, "as given"))
    assert (found.nodes, found.total) == (nodes, ranks)
    assert limit_for(share.seconds(found.total)) == limit
    assert ("it ends within 60 s" in found.why) == (ranks < 32)


def test_a_budget_of_time_is_a_limit():
    assert work(tasks=100, groups=100, task_seconds=10.0, start=5.0, time_max=30.0).seconds(1) == 35.0
    assert work(known=False, task_seconds=10.0, time_max=30.0).seconds(1) == 30.0
    assert work(known=False, task_seconds=10.0).seconds(1) is None


def test_several_jobs_are_announced():
    long = work(tasks=1000, groups=1000, task_seconds=40.0)
    whole = long.seconds(10)
    assert whole is not None
    assert math.ceil(whole / (3600 - warning_of(Job(), long, 3600))) == 2


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("permalloy_wall_kappa.toml", (), "5 ranks = 1 node x 5 of 64 cores"),
        ("permalloy_wall_kappa.toml", ("wire.cells=4000",), "20 ranks = 1 node x 20 of 64 cores"),
        ("permalloy_wall_kappa.toml", ("scan.groups=2",), "2 ranks = 1 node x 2 of 64 cores"),
        ("permalloy_wall.toml", ("wire.cells=4000",), "4 ranks = 1 node x 4 of 64 cores"),
        ("published_kappa.toml", (), "5 ranks = 1 node x 5 of 64 cores"),
        ("rashba.toml", ("kubo.k.grid=[8192,8192,1]", "kubo.k.symmetry='off'"), "64 ranks = 1 node x 64 of 64 cores"),
    ],
)
def test_inputs(name, overrides, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = submit(INPUTS / name, Job(cores_per_node=64, memory_per_node=256_000), overrides=overrides, dry_run=True)
    assert words in text
    assert f"--ntasks-per-node={words.split()[0]}\n" in text


@pytest.mark.parametrize(
    ("scheduler", "partition", "answer", "expected"),
    [
        ("slurm", "", "main* 2 32 256000\nmain* 2 16 128000\nbig 4 32 999000\n", (32, 128_000, "partition main")),
        ("slurm", "big", "big 4 32 999000\n", (128, 999_000, "partition big")),
        ("pbs", "", "n1\n     resources_available.mem = 263840724kb\n     resources_available.ncpus = 48\n\n"
         "n2\n     resources_available.mem = 131072000kb\n     resources_available.ncpus = 96\n",
         (48, 128_000, "smallest")),
    ],
)  # fmt: skip
def test_what_the_batch_system_says(scheduler, partition, answer, expected, monkeypatch):
    asked = []

    def run(command, **options):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=answer, stderr="")

    monkeypatch.setattr(site_module.shutil, "which", lambda name: name)
    monkeypatch.setattr(site_module.subprocess, "run", run)
    found = site_module.site_of(scheduler, partition)
    assert (found.cores, found.memory) == expected[:2]
    assert expected[2] in found.origin
    assert found.sure
    assert site_module.site_of(scheduler, partition, cores=7).cores == 7
    assert not partition or asked[0][-2:] == ("-p", partition)


def test_no_batch_system(monkeypatch):
    monkeypatch.setattr(site_module.shutil, "which", lambda name: None)
    found = site_module.site_of("slurm")
    assert not found.sure
    assert found.memory is None
    assert found.cores >= 1
