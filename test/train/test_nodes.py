"""Two nodes, each a slurmd of this machine: srun starts the processes, gloo connects them, and a node may be lost."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from jstasr.experiment.config import config_yaml

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*srun.*")]

WAITS = 900  # seconds, on a machine that does much else

ROOT = Path(__file__).parents[2]
TEMPLATE, CLUSTER = ROOT / "egs/TEMPLATE/asr1", ROOT / "test/slurm/cluster.sh"


@pytest.fixture
def cluster(monkeypatch):
    """Runs a command of cluster.sh on the two nodes."""
    missing = subprocess.run([CLUSTER, "missing"], capture_output=True, text=True)
    if missing.returncode:
        pytest.skip(f"not installed: {missing.stdout.strip()} (apt-get install slurmctld slurmd slurm-client munge)")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")  # the nodes' names stand in no table of hosts
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("SLURM_CONF", f"{folder}/slurm.conf")

        def run(verb, *words):
            subprocess.run([CLUSTER, verb, folder, *words], check=True, stdout=subprocess.DEVNULL)

        run("start", "0", "2")
        try:
            yield run
        finally:
            run("stop")


def test_two_nodes_of_two_processes_have_the_gradient_of_one_process(cluster, tmp_path, monkeypatch):
    """Six utterances and texts of different lengths, float64."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    from test_parallel import gradients, largest_difference

    program = f"""
import sys, torch
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_parallel import gradients, step_config
from jstasr.train.processes import parallel_fabric
fabric = parallel_fabric(step_config(1), has_text=True, ngpu=0, num_procs=2, num_nodes=2)
fabric.launch()
part = [[0], [1, 2], [3, 4], [5]][fabric.global_rank]
torch.save((fabric.node_rank, *gradients(fabric, [part], Path({str(tmp_path)!r}))), f"rank{{fabric.global_rank}}.pth")
"""
    words = ["srun", "--nodes=2", "--ntasks-per-node=2", sys.executable, "-c", program]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=WAITS)
    assert done.returncode == 0, done.stderr[-3000:]
    whole, _ = gradients(Fabric(accelerator="cpu", devices=1), [[0, 1, 2, 3, 4, 5]], tmp_path)
    found = [torch.load(tmp_path / f"rank{rank}.pth") for rank in range(4)]
    assert [node for node, _, _ in found] == [0, 0, 1, 1]
    for _, gradient, fault in found:
        assert not fault and largest_difference(whole, gradient) < 1e-12


def make_recipe(training, config) -> Path:
    """A recipe whose stages before the training are done."""
    folder = training.folder / "recipe"
    (folder / "conf").mkdir(parents=True)
    for name in ("asr.sh", "path.sh", "cmd.sh", "db.sh", "utils"):
        (folder / name).symlink_to(TEMPLATE / name)
    (folder / "conf/train.yaml").write_text(config_yaml(config))
    (folder / "data").mkdir()
    (folder / "data/token_list").symlink_to(training.toy.folder / "token_list")
    (folder / "dump").symlink_to(training.toy.folder)
    shutil.copy(training.folder / "cmvn.ark", training.toy.folder / "fbank/train")
    return folder


def start_asr(training, recipe) -> subprocess.Popen:
    sets = ["--train_set", "train", "--valid_set", "train", "--text_sets", "text", "--token_type", "char"]
    words = ["./asr.sh", "--stage", "6", "--stop_stage", "6", "--asr_tag", "nodes", "--num_nodes", "2", *sets]
    environment = os.environ | {"cmd_backend": "slurm", "JSTASR_SETUP": "no", "SLURM_WAIT": "30"}
    with open(training.folder / "output", "a") as output:
        return subprocess.Popen(words, cwd=recipe, env=environment, stdout=output, stderr=output)


def test_a_training_that_loses_a_node_is_queued_again_and_goes_on_as_if_nothing_had_happened(training, cluster):
    config = training.config(steps=40, interval=40)
    config.valid.save_interval = 5
    whole = training.finish(training.words(config, "whole", "--num-procs", "2"))
    assert whole.returncode == 0, whole.stderr[-3000:]
    recipe = make_recipe(training, config)
    process = start_asr(training, recipe)
    training.wait_for(process, "recipe/exp/nodes", "step 12/40", WAITS)
    cluster("kill", "node2")
    time.sleep(1)
    cluster("boot", "node2")
    output = training.folder / "output"
    assert process.wait(timeout=WAITS) == 0, output.read_text()[-5000:]
    assert "lost a process or a node, and continues from its checkpoint: restart 1 of 3" in output.read_text()
    log = training.log("recipe/exp/nodes")
    assert "continuing after step" in log and log.count("2 x cpu") == 2
    assert training.losses("recipe/exp/nodes") == training.losses("whole")


def test_an_error_that_would_recur_is_not_tried_again(training, cluster):
    """Another number of mel bins than the features have."""
    config = training.config(steps=4, interval=4)
    training.words(config, "whole")  # writes the statistics
    config.model.num_mel_bins = 17
    process = start_asr(training, make_recipe(training, config))
    assert process.wait(timeout=WAITS) == 1
    said = (training.folder / "output").read_text()
    assert "asr.sh: error: training ended: " in said and "mel" in said and "restart 1" not in said
