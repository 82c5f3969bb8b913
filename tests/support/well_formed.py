"""What every answer must be, whatever the engine has made up: checked against the documents' own text."""

from collections.abc import Mapping

from agents.schema import Analysis, Answer, Citation, Document, Response
from agents.settings import SupervisorSettings

SECONDS_TO_FINISH = 5.0
"""Beyond its budget, for the fallback."""
STEPS_TO_FINISH = 3
"""Beyond its budget: hand-offs made in one decision, and the fallback."""


def misplaced(citation: Citation, documents: Mapping[str, Document]) -> str | None:
    """Return what is wrong with a citation, or None: its words must stand in its document, on its page."""
    document = documents.get(citation.document_id)
    if document is None:
        return f"citation {citation.id} names a document that was not asked about"
    if document.text[citation.start : citation.end] != citation.quote or not citation.quote.strip():
        return f"citation {citation.id} is not what stands at {citation.start}"
    on_page = [page.number for page in document.pages if page.start <= citation.start < page.end]
    return None if citation.page in on_page else f"citation {citation.id} is not on page {citation.page}"


def faults(
    response: Answer | Analysis, documents: Mapping[str, Document], settings: SupervisorSettings
) -> tuple[str, ...]:
    """Return everything that is wrong with a response; empty where it is well-formed and within its budget."""
    cited = (*response.citations, *(response.closest if isinstance(response, Answer) else ()))
    found = [fault for citation in cited if (fault := misplaced(citation, documents))]
    ids = {citation.id for citation in response.citations}
    if response.status != "complete" or not response.markdown:
        found.append(f"it is {response.status} or empty")
    if type(response).model_validate_json(response.model_dump_json()) != response:
        found.append("it does not survive JSON")
    if not all(claim.citations and set(claim.citations) <= ids for claim in response.claims):
        found.append("a claim has no citation")
    if {claim.supported for claim in response.claims} - {"supported", "partly"}:
        found.append("a claim that its quotes do not support is shown")
    if isinstance(response, Answer) and response.closest and response.claims:
        found.append("it hands over the closest passages beside an answer")
    if isinstance(response, Answer) and response.not_found and not (response.coverage and response.coverage.complete):
        found.append("it says that the document does not say it, and has not read everything")
    return (*found, *_beyond_budget(response, settings))


def _beyond_budget(response: Response, settings: SupervisorSettings) -> tuple[str, ...]:
    coverage, route = response.coverage, response.route
    if coverage is None or route is None or response.usage is None:
        return ("it lacks its coverage, route or usage",)
    found: list[str] = []
    if coverage.tokens_read > coverage.tokens_total or coverage.pages_read > coverage.pages_total:
        found.append("it has read more than there is")
    if len(route.agents) > settings.max_steps + STEPS_TO_FINISH:
        found.append(f"it took {len(route.agents)} steps")
    reading = settings.agent_seconds * (1 + coverage.tokens_total / settings.window_tokens)
    limit = settings.max_seconds + SECONDS_TO_FINISH + (reading if route.kind == "whole_document" else 0.0)
    if response.usage.seconds > limit:
        found.append(f"it took {response.usage.seconds:.0f} s of {limit:.0f} s")
    return tuple(found)
