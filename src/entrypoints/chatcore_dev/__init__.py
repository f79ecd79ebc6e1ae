"""Runs the local stack: all programs that `chatcore dev` starts on a machine with only Python.

:mod:`chatcore_dev.stack` starts PostgreSQL (`postgres/`), the auth service (`auth_service/`), a language model
(`model_service/`) or chatbots in its place (`inference_service/`), and the chat service, each as a child process.
`service_parts/` holds the code that these services share.
"""
