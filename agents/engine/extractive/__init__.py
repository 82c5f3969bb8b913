"""The engine that needs no model: every task's result is computed by rule from the passages.

engine          ExtractiveEngine, and the function that computes each task

The tasks:

decisions       Route, Plan, NextStep
conversation    StandaloneQuestion, UpdateSummary
drafting        Excerpts, RewriteAnswer
notes           WindowNotes
reducing        Reduce, Overview, and which points a summary is made of

What they stand on:

questions       a question taken apart: the kind of its answer, its content words, its noun phrases
attribution     the sentences of a text that a statement rests on
statements      evidence cut into sentences, list items and table rows that can be quoted
facts           dates, times, amounts and names in a text
matching        whether words stand for one another
particulars     what two sentences must share for one to stand for both
textrank        which sentences stand for the others
"""
