"""The engine that needs no model: every task's result is computed by rule from the passages.

engine          ExtractiveEngine, and the function that computes each task

The tasks:

decisions       Route, Plan, NextStep
conversation    StandaloneQuestion, UpdateSummary
answering       Excerpts, RewriteAnswer
notes           WindowNotes
reducing        Reduce, Overview, and which points a summary is made of

What they stand on:

ranking         which sentences of a text answer a question, and how likely any does
weights         the numbers of the ranking, and the script that fits them
attribution     the sentences of a text that a statement rests on
statements      evidence cut into sentences, list items and table rows that can be quoted
facts           dates, times, amounts and names in a text
particulars     what two sentences must share for one to stand for both
textrank        which sentences stand for the others
"""
