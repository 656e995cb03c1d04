"""Mixed precision: what is computed in bfloat16, and what never is."""

import torch

from jstasr.data.batch import Batch
from jstasr.train.processes import parallel_fabric


class Probe(torch.nn.Module):
    """Keeps the batch that it is given, and computes a product."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(20, 2)

    def forward(self, batch):
        self.batch = batch
        self.product = self.linear(batch.speech)
        return self.product


def test_raw_features_reach_the_model_unrounded_and_products_are_in_bfloat16(toy, batch: Batch):
    config = toy.config()
    config.precision = "bf16-mixed"
    probe = Probe()
    fabric = parallel_fabric(config, has_text=True, ngpu=0, num_procs=1, num_nodes=1)
    fabric.setup_module(probe)(batch)
    assert torch.equal(probe.batch.speech, batch.speech) and probe.batch.speech.dtype == torch.float32
    assert probe.product.dtype == torch.bfloat16
