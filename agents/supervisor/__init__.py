"""The supervisor: a request goes through five agents, each chosen from those that make sense at that moment.

supervisor      runs a request through the graph within its budget; the fallback where it has no answer
other_process   where a run goes on that reads long documents whole, in the server
graph           AGENTS, the registry: one line per agent; and the langgraph graph over them
policy          which agent may come next, and the chat model that decides

The agents, each a coroutine that reads the run and writes to it:

router          which way the question takes
planner         a complex question in sub-questions
retrieval       the passages that may answer it
synthesis       claims with quotes, drafted from the passages or from everything
validation      the quotes located, the claims judged

What they share:

run             the request, the blackboard, the budget
scope           the pages and sections that a question names
map_reduce      whole documents: windows, notes, comparisons
points          what was noted, with its quotes
attribution     the sentences of a text that a statement rests on
summary         an overview and the points that matter
document_form   what tables and logs consist of
context_budget  what fits into the engine's context
answer          from a finished run to the response
"""
