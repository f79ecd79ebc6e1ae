"""Runs the local stack: everything that `chatcore dev` starts on a machine with nothing but Python.

:mod:`chatcore_dev.stack` starts PostgreSQL (`postgres/`), the auth service (`auth_service/`), the inference service
(`inference_service/`) and the chat service, each as a child process. `http_service/` holds what the auth and inference
services share.
"""
