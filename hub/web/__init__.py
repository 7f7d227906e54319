"""The admin endpoint: rights requests, their tasks and the audit log over HTTPS.

`hub.web.api.app` makes the application, `hub.web.server` serves it. docs/api.md says how to call
it. FastAPI, Starlette and uvicorn are imported in here and nowhere else in the hub, and the command
line imports this package only where it serves.
"""
