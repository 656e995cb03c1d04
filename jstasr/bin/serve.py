"""Serve a trained model over HTTP."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._search_options import add_search_options

HELP = "serve a trained model: OpenAI's transcription endpoint, live speech, a web page"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = "JSTASR_TOKEN"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", help="exp/<tag> or a packed zip")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0: all of this machine")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument("--token_file", help=f"file with the token that clients must send (default: ${TOKEN}, if set)")
    parser.add_argument("--cert", help="file of a TLS certificate: HTTPS, which browsers on other machines ask for")
    parser.add_argument("--key", help="file of the key of --cert")
    parser.add_argument("--mode", default="full", choices=["full", "streaming"], help="decoder (default: full)")
    add_search_options(parser, "that of the recipe that trained the model")
    parser.add_argument("--lang", help="language given to a multilingual model (default: the recipe's, if any)")
    parser.add_argument(
        "--vad",
        default="auto",
        choices=["auto", "silero", "energy"],
        help="what finds speech; auto: silero if installed, else energy (default: auto)",
    )
    parser.add_argument("--max_segment", type=float, default=20.0, help="seconds of the longest segment")
    parser.add_argument("--max_mb", type=float, default=100.0, help="largest recording, MB")
    parser.add_argument("--max_seconds", type=float, default=7200.0, help="longest audio of a recording or stream")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for an upload, and for its transcript")
    parser.add_argument("--max_streams", type=int, default=8, help="streams at the same time")
    parser.add_argument("--max_waiting", type=int, default=16, help="recordings accepted at the same time")
    parser.add_argument("--nj", type=int, default=1, help="recordings that are transcribed at the same time")
    parser.add_argument("--ngpu", type=int, default=0, help="1: use the GPU")


def run(args: Namespace) -> int:
    import os
    import sys
    from pathlib import Path

    import uvicorn

    from jstasr.bin._search_options import search_settings
    from jstasr.decode.transcriber import Transcriber
    from jstasr.errors import JstasrError
    from jstasr.serve.app import create_app
    from jstasr.serve.listen import listen
    from jstasr.serve.live import LONGEST_MESSAGE
    from jstasr.serve.settings import ServeSettings

    if bool(args.cert) != bool(args.key):
        raise JstasrError("--cert and --key: give both or none")
    for path in filter(None, (args.cert, args.key)):
        if not Path(path).is_file():
            raise JstasrError(f"{path}: no such file")
    token = os.environ.get(TOKEN, "")
    if args.token_file:
        try:
            token = Path(args.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise JstasrError(f"--token_file {args.token_file}: cannot be read: {error}") from error
        if not token:
            raise JstasrError(f"--token_file {args.token_file}: is empty")
    transcriber = Transcriber.from_pretrained(
        args.model,
        device="cuda" if args.ngpu else "cpu",
        lm=args.lm,
        own_search=args.config is None,
        nnlm=args.nnlm,
    )
    local = args.host in LOOPBACK
    settings = ServeSettings(
        name=Path(args.model).resolve().stem,
        mode=args.mode,
        config=search_settings(args, transcriber.experiment.search),
        vad=args.vad,
        max_segment=args.max_segment,
        token=token,
        max_mb=args.max_mb,
        max_seconds=args.max_seconds,
        timeout=args.timeout,
        max_streams=args.max_streams,
        nj=args.nj,
        max_waiting=args.max_waiting,
        hosts=frozenset(LOOPBACK) if local and not token else None,
    )
    app = create_app(transcriber, settings)
    socket, address = listen(args.host, args.port, "https" if args.cert else "http")
    if not local and not token:
        print(f"jstasr serve: without a token all who reach {args.host} may use it; set {TOKEN}", file=sys.stderr)
    print(f"jstasr serve: {address}", file=sys.stderr, flush=True)
    config = uvicorn.Config(
        app,
        log_level="warning",
        ssl_certfile=args.cert,
        ssl_keyfile=args.key,
        ws="websockets-sansio",
        ws_max_size=LONGEST_MESSAGE + 1,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[socket])
    return 0
