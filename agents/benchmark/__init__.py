"""Measuring Readroom on this machine.

runner             run_suite: takes the steps of a suite and makes the report
suites             what each suite measures, step by step
product            what Readroom itself does: opens, searches, answers, reads whole documents
server_start       how long its server takes to answer a client
served             the vLLM behind the engine: where it is, and what we know of it
serving            how fast it is: decode, prefill, time to the first token
engine_memory      what it holds: KV cache, memory, sleep
quality            questions with known answers, and perplexity
report             what a report holds; stored and rendered
targets            the specification's targets, and the verdicts
recommendations    what to set because of what was measured
comparison         two reports side by side
chart              the report as one picture
workbench          what the measurements of one run share
corpus             synthetic documents, and questions whose answers are known
engines            engines that record, replay or follow a script
completion_client  times a vLLM's answers
prometheus         reads a vLLM's own figures
checkpoints        checkpoints of random weights, to measure and test an engine without a download
"""
