"""Graphs as ONNX files: written with metadata, and quantised."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from jstasr.errors import JstasrError

LOOPS = "torch._higher_order_ops.scan"  # what GreedySearch needs
OPSET = 18  # of the operators: older versions of onnxruntime, on phones, know it


def write_graph(
    graph: nn.Module,
    example: Sequence[Tensor],
    names: tuple[Sequence[str], Sequence[str]],
    dynamic: Sequence[Sequence[int]],
    metadata: Mapping[str, object],
    path: Path,
) -> None:
    """Write a module as an ONNX file.

    Args:
        example: its inputs, of any size; every dynamic dimension of 2 or more.
        names: of the inputs and of the outputs.
        dynamic: the dimensions of each input that vary.
    Raises:
        JstasrError: this torch is too old.
    """
    if find_spec(LOOPS) is None:
        raise JstasrError(f"torch {torch.__version__} cannot export loops: `pip install --upgrade torch torchaudio`")
    shapes = tuple({dimension: torch.export.Dim.DYNAMIC for dimension in dimensions} for dimensions in dynamic)
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph.eval(),
            tuple(example),
            input_names=list(names[0]),
            output_names=list(names[1]),
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(str(path))
    set_metadata(path, metadata)


def set_metadata(path: Path, metadata: Mapping[str, object]) -> None:
    """Replace the metadata of an ONNX file, and drop the notes of the exporter, which name the exporting machine's
    source files."""
    import onnx

    model = onnx.load(str(path))
    model.doc_string = ""
    for graph in graphs_of(model.graph):
        for part in (graph, *graph.node, *graph.value_info, *graph.initializer):
            if hasattr(part, "metadata_props"):
                del part.metadata_props[:]
    del model.metadata_props[:]
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=str(value))
    onnx.save(model, str(path))


def graphs_of(graph) -> Iterator:
    """A graph, and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs_of(attribute.g)


def write_quantised(source: Path, target: Path, metadata: Mapping[str, object]) -> None:
    """Write an ONNX file with the weights of its matrix products in 8 bits, a scale for each column.

    Not those inside loops, and not the last, which the search sees: it is small, and half of the error came from it.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(str(source)).graph
    weights = {weight.name for weight in graph.initializer}
    products = [node.name for node in graph.node if node.op_type == "MatMul" and weights & set(node.input)]
    with quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=products[-1:],
        )
    set_metadata(target, metadata)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of the exporters, which are about their own code."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
