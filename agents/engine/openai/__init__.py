"""The engine over any OpenAI-compatible server.

endpoint   finding the server and its model
engine     computing tasks there
"""
