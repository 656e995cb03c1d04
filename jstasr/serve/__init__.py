"""A trained model as a service: OpenAI's transcription endpoint, a websocket for live speech, and a web page."""
