"""The engine over any OpenAI-compatible server.

endpoint   finding the server and its model
engine     computing tasks there
resending  what is sent again, and when
"""
