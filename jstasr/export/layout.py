"""Names of the files in an exported folder."""

from jstasr.model.joint import FULL, STREAMING

FOLDERS = {FULL: "offline", STREAMING: "streaming"}  # of the decoders, in sherpa-onnx's words
ENCODER, ENCODER_INT8, DECODER = "encoder.onnx", "encoder.int8.onnx", "decoder.onnx"
JOINER, BEAM_JOINER = "joiner.onnx", "joiner-beam.onnx"  # for greedy_search; for modified_beam_search
TOKENS, BPE_VOCAB, README = "tokens.txt", "bpe.vocab", "README.md"
