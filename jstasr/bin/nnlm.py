"""Train a neural token language model for beam search."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._text_options import add_text_options

HELP = "train a neural language model (LSTM) over a model's tokens"


def add_arguments(parser: ArgumentParser) -> None:
    add_text_options(parser)
    parser.add_argument("--valid-text", nargs="+", required=True, help="Kaldi text files whose perplexity is watched")
    parser.add_argument("--output", required=True, help="file to write, such as exp/lm_<tokens>/nnlm.pt")
    parser.add_argument("--ngram", help="ARPA language model whose perplexity on --valid-text is printed beside")
    parser.add_argument("--layers", type=int, default=1, help="LSTM layers (default: 1)")
    parser.add_argument("--dim", type=int, default=256, help="width of the embedding and of each layer (default: 256)")
    parser.add_argument("--dropout", type=float, default=0.2, help="share of the values left out (default: 0.2)")
    parser.add_argument("--epochs", type=int, default=8, help="passes through the text, at most (default: 8)")
    parser.add_argument("--batch-tokens", type=int, default=2000, help="tokens of a batch with padding (default: 2000)")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="of Adam, falling to 0 (default: 0.003)")
    parser.add_argument("--seed", type=int, default=1, help="of the weights and of the order (default: 1)")
    parser.add_argument("--ngpu", type=int, default=0, help="1: train on the GPU")


def run(args: Namespace) -> None:
    import sys
    from pathlib import Path

    import torch

    from jstasr.bin._text_options import text_reader
    from jstasr.errors import JstasrError
    from jstasr.experiment.language_model import SIZES, save_neural_lm
    from jstasr.kaldi.locks import locked_file
    from jstasr.lm.neural import NeuralLmConfig
    from jstasr.lm.ngram import NgramModel
    from jstasr.lm.token_text import token_sequences
    from jstasr.lm.train_neural import NeuralLmTraining, train_neural_lm

    most = {"layers": SIZES["layers"], "dim": SIZES["dim"], "epochs": 10_000, "batch_tokens": 10_000_000}
    for name, largest in most.items():
        if not 1 <= getattr(args, name) <= largest:
            raise JstasrError(f"--{name.replace('_', '-')} {getattr(args, name)}: must lie in 1 .. {largest}")
    if not 0 <= args.dropout < 1:
        raise JstasrError(f"--dropout {args.dropout}: must be 0 or more, and less than 1")
    if not 0 < args.learning_rate <= 1:
        raise JstasrError(f"--learning-rate {args.learning_rate}: must be above 0, and at most 1")
    if args.ngpu and not torch.cuda.is_available():
        raise JstasrError("--ngpu 1: PyTorch sees no GPU here. Use the CPU (--ngpu 0), or look at `nvidia-smi`")
    tokenizer, reading = text_reader(args)
    tokens = tokenizer.token_list.tokens
    ngram = NgramModel.load(args.ngram, tokens) if args.ngram else None  # refused now, not after the training
    sequences = token_sequences(args.text, tokenizer, reading, args.join)
    held_out = token_sequences(args.valid_text, tokenizer, reading)
    print(f"{len(sequences)} sequences, {sum(map(len, sequences))} tokens", file=sys.stderr, flush=True)
    config = NeuralLmConfig(len(tokens), args.layers, args.dim, args.dropout)
    training = NeuralLmTraining(args.epochs, args.batch_tokens, args.learning_rate, args.seed)
    with locked_file(args.output):
        model, perplexity = train_neural_lm(
            config,
            training,
            sequences,
            held_out,
            "cuda" if args.ngpu else "cpu",
            lambda line: print(line, file=sys.stderr, flush=True),
        )
        save_neural_lm(model, tokens, Path(args.output))
    beside = "" if ngram is None else f", {ngram.perplexity(held_out):.2f} by the n-gram model {args.ngram}"
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{args.output}: {args.layers} LSTM layers of {args.dim}, {size} weights")
    print(f"perplexity {perplexity:.2f} a token{beside}, on {' '.join(args.valid_text)} ({len(held_out)} sentences)")
