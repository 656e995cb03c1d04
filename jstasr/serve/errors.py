"""What a client is refused for, in the form of OpenAI's API."""

from fastapi import HTTPException
from fastapi.responses import JSONResponse

CODES = {401: "invalid_api_key", 413: "too_large", 503: "overloaded", 504: "timeout"}


class Refusal(HTTPException):
    """A request that is not answered: HTTP status, one sentence, and the parameter that is wrong.

    FastAPI passes an HTTPException on even where it is raised while the body is read.
    """

    def __init__(self, status: int, message: str, param: str | None = None):
        super().__init__(status, message)
        self.status, self.message, self.param = status, message, param

    def body(self) -> dict[str, object]:
        """The error object that clients of OpenAI's API read."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": CODES.get(self.status)}}

    def response(self) -> JSONResponse:
        """The answer."""
        headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
        return JSONResponse(self.body(), self.status, headers.get(self.status))
