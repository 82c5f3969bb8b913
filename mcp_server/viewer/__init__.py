"""The evidence viewer: one page of HTML that shows a result, and each quote on its page of the document.

page.py     puts viewer.html, viewer.css and viewer.js together, under a policy that lets nothing else in
local.py    serves it on this machine, for `readroom view`

mcp_server/evidence_app.py gives it to clients that show MCP Apps.
"""
