"""The routes of the service."""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from importlib.resources import as_file, files
from tempfile import NamedTemporaryFile
from typing import Annotated

from fastapi import FastAPI, File, Form, Request, UploadFile, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

import jstasr
from jstasr.decode.results import Transcript, join_texts
from jstasr.decode.transcriber import Transcriber
from jstasr.errors import JstasrError
from jstasr.serve import answers
from jstasr.serve.errors import Refusal
from jstasr.serve.guards import Guards
from jstasr.serve.live import serve_stream
from jstasr.serve.service import Service, Upload, expected, known_language
from jstasr.serve.settings import ServeSettings

LONGEST_NAME = 200
PLAYLISTS = (b"#EXTM3U", b"ffconcat version", b"dash:profile:isoff")
LONGEST_MARK = max(map(len, PLAYLISTS))
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def create_app(transcriber: Transcriber, settings: ServeSettings) -> FastAPI:
    """The service of a model as an ASGI application.

    Raises:
        JstasrError: settings that do not fit the model.
    """
    service = Service(transcriber, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    # The pages that FastAPI makes of openapi.json load scripts from elsewhere.
    app = FastAPI(title="jstasr", version=jstasr.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guards, settings=settings)
    add_error_handlers(app)
    add_transcriptions(app, service)

    @app.get("/v1/models")
    async def models() -> dict[str, object]:
        """The model, as OpenAI's API lists it."""
        return {
            "object": "list",
            "data": [{"id": settings.name, "object": "model", "created": 0, "owned_by": "jstasr"}],
        }

    @app.websocket("/v1/audio/stream")
    async def stream(socket: WebSocket) -> None:
        await serve_stream(socket, service)

    @app.get("/health")
    async def health() -> dict[str, object]:
        """Answers as long as the service runs."""
        return {"status": "ok", "version": jstasr.__version__}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> str:
        """Counters in Prometheus' text format."""
        return service.metrics.text()

    page = files("jstasr.serve") / "page"
    with as_file(page) as folder:
        app.mount("/page", StaticFiles(directory=folder), name="page")

        @app.get("/", include_in_schema=False)
        async def index() -> FileResponse:
            return FileResponse(folder / "index.html")

    return app


def add_error_handlers(app: FastAPI) -> None:
    """Every error as OpenAI's API writes it."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        return Refusal(400, f"{name}: {first['msg']}", name).response()

    @app.exception_handler(404)
    @app.exception_handler(405)
    @app.exception_handler(400)
    async def other(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, Refusal):
            return error.response()
        status = getattr(error, "status_code", 400)
        return Refusal(status, f"{request.method} {request.url.path}: {getattr(error, 'detail', error)}").response()

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        return Refusal(500, "the service has a fault; its log says more").response()


def add_transcriptions(app: FastAPI, service: Service) -> None:
    """The transcription endpoint of OpenAI's API."""

    @app.middleware("http")
    async def count(request: Request, call_next) -> Response:  # noqa: ANN001
        response = await call_next(request)
        if request.url.path == TRANSCRIPTIONS:
            service.metrics.add("jstasr_requests_total", 1, f'status="{response.status_code}"')
        return response

    @app.post(TRANSCRIPTIONS)
    async def transcriptions(
        request: Request,
        file: Annotated[UploadFile, File(description="The recording, in any format that jstasr reads")],
        model: Annotated[str, Form(description="Any name: there is one model")] = "",
        language: Annotated[str, Form(description="Code of the language, for a multilingual model")] = "",
        prompt: Annotated[str, Form(description="Has no effect")] = "",
        response_format: Annotated[str, Form(description=", ".join(answers.RESPONSE_FORMATS))] = answers.JSON,
        temperature: Annotated[float, Form(description="Has no effect: the search is not random", ge=0, le=1)] = 0.0,
        granularities: Annotated[list[str] | None, Form(alias="timestamp_granularities[]")] = None,
        include: Annotated[list[str] | None, Form(alias="include[]")] = None,
        stream: Annotated[bool, Form(description="Send segments as they are known")] = False,
        hotwords: Annotated[str, Form(description="Names and phrases that are expected, one a line")] = "",
    ) -> Response:
        """Transcribe a recording."""
        check_parameters(response_format, granularities, include)
        try:
            upload = Upload("", file.filename or "the recording", known_language(service, language))
        except JstasrError as error:
            raise Refusal(400, str(error), "language") from error
        try:
            upload.config = await run_in_threadpool(expected, service, hotwords.split("\n"), upload.language)
        except JstasrError as error:
            raise Refusal(400, str(error), "hotwords") from error
        upload.name = os.path.basename(upload.name)[-LONGEST_NAME:]
        if stream:
            events = await first_of(stream_events(service, file, upload))
            return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        with NamedTemporaryFile(prefix="jstasr-", suffix=".audio") as copy:
            await run_in_threadpool(keep, file, copy)
            upload.path = copy.name
            transcripts: list[Transcript] = []
            async with aclosing(service.segments(upload, transcripts)) as segments:
                async for _ in segments:
                    if await request.is_disconnected():
                        return Response(status_code=499)  # nobody reads it
        transcript = transcripts[0]
        if response_format == answers.VERBOSE:
            tokens = service.transcriber.experiment.tokenizer.token_list
            wanted = granularities or [answers.SEGMENT]
            return JSONResponse(answers.as_verbose_json(transcript, upload.language, wanted, tokens))
        if response_format == answers.JSON:
            return JSONResponse(answers.as_json(transcript))
        return PlainTextResponse(answers.as_text(transcript, response_format))


def check_parameters(response_format: str, granularities: list[str] | None, include: list[str] | None) -> None:
    """Refuse what this service cannot answer."""
    if response_format not in answers.RESPONSE_FORMATS:
        known = ", ".join(answers.RESPONSE_FORMATS)
        raise Refusal(400, f"response_format {response_format!r}: must be one of {known}", "response_format")
    for name in granularities or ():
        if name not in (answers.WORD, answers.SEGMENT):
            raise Refusal(400, f"timestamp_granularities {name!r}: must be word or segment", "timestamp_granularities")
    if granularities and response_format != answers.VERBOSE:
        raise Refusal(400, "timestamp_granularities: need response_format verbose_json", "timestamp_granularities")
    if include:
        raise Refusal(400, f"include {include[0]!r}: is not available; verbose_json has confidences", "include")


def keep(file: UploadFile, copy) -> None:  # noqa: ANN001
    """Copy an upload into a file that has a path.

    Raises:
        Refusal: a playlist, with which ffmpeg would read other files of this machine.
    """
    before = b""
    while block := file.file.read(1 << 20):
        if any(mark in before + block for mark in PLAYLISTS):
            name = os.path.basename(file.filename or "the recording")
            raise Refusal(400, f"{name}: is a playlist, no recording", "file")
        copy.write(block)
        before = block[-LONGEST_MARK:]
    copy.flush()


async def stream_events(service: Service, file: UploadFile, upload: Upload) -> AsyncIterator[str]:
    """The server-sent events of a recording."""
    with NamedTemporaryFile(prefix="jstasr-", suffix=".audio") as copy:
        await run_in_threadpool(keep, file, copy)
        upload.path = copy.name
        transcripts: list[Transcript] = []
        before = ""
        async with aclosing(service.segments(upload, transcripts)) as segments:
            async for segment in segments:
                yield answers.as_event(answers.delta(segment, before))
                before = join_texts([before, segment.text])
        yield answers.as_event(answers.done(transcripts[0]))


async def first_of(events: AsyncIterator[str]) -> AsyncIterator[str]:
    """The same events, of which the first is known: what is wrong with a recording gives another status by then."""
    first = await anext(events)

    async def all_of_them() -> AsyncIterator[str]:
        yield first
        try:
            async for event in events:
                yield event
        except Refusal as error:  # too late for a status
            yield answers.as_event({"type": "error", **error.body()})

    return all_of_them()
