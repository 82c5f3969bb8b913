"""Measuring Readroom on this machine.

runner           run_suite: takes the steps of a suite and makes the report
steps            which suite measures what
workbench        what the measurements of one run share
reading          documents opened and searched
answering        whole answers: seconds, engine calls, overhead
server_start     the MCP server's first answers
served, serving  a vLLM: decode, prefill, context, memory, sleep
quality          questions with known answers; perplexity beside it
report           the models, and where reports are kept
targets          the specification's targets
markdown, chart  the report as text and as a picture
comparison       two reports side by side
"""
